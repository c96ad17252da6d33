"""The kind of a ``tokenizer.json``, and the bytes of its tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_FALLBACK = re.compile("<0x([0-9A-F]{2})>")


def byte_symbols() -> list[str]:
    """The printable substitute for each byte in byte-level tokenizers (Radford et al. 2019)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def kind_of(document: Mapping[str, Any]) -> str:
    """``char``, ``byte`` or ``bpe`` if it works exactly as genctl's own do; otherwise ``file``."""
    model, pre = document["model"], document["pre_tokenizer"] or {}
    plain = all(token["special"] for token in document["added_tokens"])
    if not plain or document["normalizer"] is not None:
        return "file"
    if pre.get("pattern") == {"Regex": r"[\s\S]"}:
        leaves_out = model["type"] == "BPE" and not (model["merges"] or model["unk_token"])
        return "char" if leaves_out or model["type"] == "WordLevel" else "file"
    if model["type"] != "BPE" or pre.get("type") != "ByteLevel" or pre["add_prefix_space"]:
        return "file"
    if pre["use_regex"]:
        return "bpe"
    own = [model["vocab"].get(symbol) for symbol in byte_symbols()] == list(range(256))
    return "byte" if own and not model["merges"] else "file"


def is_byte_level(document: Mapping[str, Any]) -> bool:
    """Whether tokens consist of `byte_symbols`."""
    return "ByteLevel" in json.dumps(document["decoder"])


def table_of_bytes(core: Any, document: Mapping[str, Any]) -> list[bytes]:
    """The bytes of each token of a ``tokenizers.Tokenizer``; empty for special ones.

    If tokens are not bytes, the bytes of a token are what it adds to a text after another token:
    those of a word include the space before it.
    """
    added = core.get_added_tokens_decoder()
    names = {number: name for name, number in core.get_vocab().items()}
    if is_byte_level(document):
        byte = {symbol: bytes([number]) for number, symbol in enumerate(byte_symbols())}
        found = {k: b"".join(byte.get(c, c.encode()) for c in name) for k, name in names.items()}
    elif kind_of(document) == "char":
        found = {k: name.encode() for k, name in names.items()}
    else:
        found = _found_by_decoding(core, names, "ByteFallback" in json.dumps(document["decoder"]))
    for number, token in added.items():
        found[number] = b"" if token.special else token.content.encode()
    return [found.get(number, b"") for number in range(max(names) + 1)]


def _found_by_decoding(core: Any, names: Mapping[int, str], has_fallback: bool) -> dict[int, bytes]:
    numbers = sorted(names)
    alone = core.decode_batch([[number] for number in numbers])
    texts = dict(zip(numbers, alone, strict=True))
    first = next((k for k in numbers if texts[k].isalnum()), numbers[0])
    start = texts[first]
    found = {}
    for number, text in zip(numbers, core.decode_batch([[first, k] for k in numbers]), strict=True):
        fallback = _FALLBACK.fullmatch(names[number]) if has_fallback else None
        rest = text[len(start) :] if text.startswith(start) else texts[number]
        found[number] = bytes.fromhex(fallback[1]) if fallback else rest.encode()
    return found
