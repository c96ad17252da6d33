"""A byte-level BPE tokenizer in GGUF's metadata: tokens, their types, merges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genctl.contracts import TOKENIZER, DecoderPlan
from genctl.errors import ExitStatus, GenctlError, opt

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""Types of tokens, see the GGUF specification."""


@dataclass(frozen=True)
class Vocabulary:
    """The data of llama.cpp's ``gpt2`` tokenizer with the ``gpt-2`` pre-tokenizer.

    Attributes:
        tokens: each token's text in GPT-2's letters for bytes.
        types: the type of each token: NORMAL, CONTROL ...
        merges: the merges in order, with a space between the two parts.
    """

    tokens: list[str]
    types: list[int]
    merges: list[str]


def vocabulary(plan: DecoderPlan) -> Vocabulary:
    """The tokenizer of ``plan``.

    Raises:
        GenctlError: (USAGE) it is not a byte-level BPE that splits like GPT-2's, or it has no end
            token: llama.cpp would then stop at token 11, whatever its meaning.
    """
    found = json.loads(plan.assets[TOKENIZER])
    if not _is_gpt2(found):
        raise _refused("GGUF needs a bpe tokenizer that splits text as GPT-2's")
    if plan.end is None:
        raise _refused("GGUF needs a tokenizer with a token that ends a text")
    return _read(found, plan.vocab_size)


def _is_gpt2(found: Mapping[str, Any]) -> bool:
    splitter = found.get("pre_tokenizer") or {}
    return (
        found["model"]["type"] == "BPE"
        and bool(found["model"]["merges"])
        and found.get("normalizer") is None
        and splitter.get("type") == "ByteLevel"
        and splitter.get("use_regex", True) is True
        and splitter.get("add_prefix_space", True) is False
    )


def _read(found: Mapping[str, Any], size: int) -> Vocabulary:
    tokens, types = [f"[UNUSED{k}]" for k in range(size)], [UNUSED] * size
    for text, number in found["model"]["vocab"].items():
        tokens[number], types[number] = text, NORMAL
    for added in found.get("added_tokens", ()):
        number = added["id"]
        tokens[number], types[number] = added["content"], _type_of(added)
    merges = [
        pair if isinstance(pair, str) else " ".join(pair) for pair in found["model"]["merges"]
    ]
    return Vocabulary(tokens, types, merges)


def _type_of(added: Mapping[str, Any]) -> int:
    return CONTROL if added.get("special") else USER_DEFINED


def _refused(message: str) -> GenctlError:
    return GenctlError(
        ExitStatus.USAGE,
        message,
        hint=f"train with {opt('data.tokenizer', 'bpe')}",
        option="format",
        suggest="hf",
    )
