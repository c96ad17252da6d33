"""Text as memory-mapped tokens, encoded once per content and tokenizer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from genctl import documents
from genctl.data.text.options import TextData
from genctl.data.text.source import TextSource
from genctl.data.text.token_encoder import TokenEncoder, Tokens, alphabet_of, dtype_for, parts
from genctl.data.text.tokenizer import Tokenizer
from genctl.errors import GenctlError, unknown
from genctl.files import cache_folder, make_directory, typed_path, writable_cache
from genctl.staging import staged

FORMAT = 1
SPLITS = ("train", "valid")
KINDS_OR_FILE = ("auto", "char", "byte", "bpe", "tokenizer.json")
BY_DOCUMENT = 10
"""From this number on, whole documents are held out; below it, the last tenth of the text."""


@dataclass(frozen=True)
class TextStats:
    """The results of one pass over a text.

    Attributes:
        fingerprint: sha256 of the content and of the source's label.
        sizes: the sizes of its documents, in characters.
    """

    fingerprint: str
    sizes: Sequence[int]

    def held_out(self) -> list[bool]:
        """Which documents are for validation: spread over the text, a tenth of its characters.

        Empty where none is, because there are few, or one is nearly all of the text.
        """
        if len(self.sizes) < BY_DOCUMENT:
            return []
        found, owed = [], 0.0
        for size in self.sizes:
            owed += 0.1 * size
            found.append(owed > size / 2)
            owed -= size * found[-1]
        enough = sum(size for size, out in zip(self.sizes, found, strict=True) if out)
        return found if enough > 0.01 * sum(self.sizes) else []


@dataclass(frozen=True)
class TokenFiles:
    """The tokens of a text in its two splits, and the tokenizer that encoded them.

    Attributes:
        tokenizer: the tokenizer of the tokens.
        train, valid: memory-mapped.
        train_bytes, valid_bytes: the sizes of their text in UTF-8.
    """

    tokenizer: Tokenizer
    train: Tokens
    valid: Tokens
    train_bytes: int
    valid_bytes: int


class _DamagedError(Exception):
    """The content of the cache is not what was written."""


class _Part(NamedTuple):
    document: int
    split: str
    text: str


@dataclass
class _Size:
    """The size of one split as written."""

    tokens: int = 0
    bytes: int = 0

    def add(self, tokens: Tokens, file: BinaryIO) -> None:
        """Write more tokens."""
        file.write(tokens.tobytes())
        self.tokens += len(tokens)


def survey(source: TextSource) -> TextStats:
    """Read a text once for its fingerprint and the sizes of its documents.

    Raises:
        GenctlError: (DATA) the text cannot be read.
    """
    digest = hashlib.sha256(source.label.encode())
    sizes = array("q")
    for document in source.documents():
        digest.update(b"\0")
        sizes.append(0)
        for piece in document:
            digest.update(piece.encode())
            sizes[-1] += len(piece)
    return TextStats(digest.hexdigest(), sizes)


def cached_tokens(source: TextSource, known: TextStats, config: TextData) -> TokenFiles:
    """The tokens of ``source`` from the cache; if they are not there, encode and store them.

    Raises:
        GenctlError: the text cannot be read, the tokenizer is not one, or the cache not writable.
    """
    given = _given_tokenizer(config.tokenizer)
    identity = given.files() if given else {}
    settings = [FORMAT, known.fingerprint, "given" if given else _kind(config.tokenizer)]
    settings += [config.vocab_size if _trains(config.tokenizer) else 0]
    settings += [hashlib.sha256(content).hexdigest() for content in identity.values()]
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
    name = Path("tokens", key[:40])
    with contextlib.suppress(OSError, _DamagedError):
        return _read(cache_folder() / name)
    folder = writable_cache() / name
    shutil.rmtree(folder, ignore_errors=True)
    make_directory(folder.parent)
    with staged(folder, existing="keep") as stage:
        _write(stage, source, known, given or _new_tokenizer(source, config))
    return _read(folder)


def _trains(name: str) -> bool:
    return name in ("auto", "bpe")


def _kind(name: str) -> str:
    """The kind in the key of the cache: ``auto`` and ``bpe`` are the same."""
    return "auto" if _trains(name) else name


def _given_tokenizer(name: str) -> Tokenizer | None:
    """The tokenizer at the path ``name``; None where ``name`` is a kind.

    Raises:
        GenctlError: (USAGE) ``name`` is neither a kind nor a tokenizer.
    """
    if name in ("auto", "char", "byte", "bpe"):
        return None
    if "." not in name and "/" not in name and not Path(name).exists():
        raise unknown("tokenizer", name, KINDS_OR_FILE, option="data.tokenizer")
    return Tokenizer.from_path(typed_path(name))


def _new_tokenizer(source: TextSource, config: TextData) -> Tokenizer:
    if config.tokenizer == "byte":
        return Tokenizer.byte()
    if config.tokenizer == "char":
        return Tokenizer.char(alphabet_of(_all_pieces(source)))
    pieces = (part for piece in _all_pieces(source) for part in parts(piece))
    return Tokenizer.bpe(pieces, config.vocab_size)


def _all_pieces(source: TextSource) -> Iterator[str]:
    for document in source.documents():
        yield from document


def _write(stage: Path, source: TextSource, known: TextStats, tokenizer: Tokenizer) -> None:
    for name, content in tokenizer.files().items():
        make_directory((stage / name).parent)
        (stage / name).write_bytes(content)
    sizes = {split: _Size() for split in SPLITS}
    with (stage / "train.bin").open("wb") as train, (stage / "valid.bin").open("wb") as valid:
        files = {"train": train, "valid": valid}
        for _, parts in groupby(_parts(source, known), key=lambda part: part.document):
            split = ""
            for split, pieces in groupby(parts, key=lambda part: part.split):
                _encode(pieces, tokenizer, files[split], sizes[split])
            if len(known.sizes) > 1 and tokenizer.end is not None:
                end = np.array([tokenizer.end], dtype_for(tokenizer.vocab_size))
                sizes[split].add(end, files[split])
    meta = {split: asdict(size) for split, size in sizes.items()}
    (stage / "meta.json").write_text(documents.to_json(meta), "utf-8")


def _encode(parts: Iterator[_Part], tokenizer: Tokenizer, file: BinaryIO, size: _Size) -> None:
    encoder = TokenEncoder(tokenizer)
    for part in parts:
        size.bytes += len(part.text.encode())
        size.add(encoder.feed(part.text), file)
    size.add(encoder.finish(), file)


def _parts(source: TextSource, known: TextStats) -> Iterator[_Part]:
    """All of a text in order, each piece with its split."""
    held_out, left = known.held_out(), int(0.9 * sum(known.sizes))
    for number, document in enumerate(source.documents()):
        for text in document:
            if held_out:
                yield _Part(number, "valid" if held_out[number] else "train", text)
                continue
            head, tail = text[:left], text[left:]
            left -= len(head)
            if head:
                yield _Part(number, "train", head)
            if tail:
                yield _Part(number, "valid", tail)


def _read(folder: Path) -> TokenFiles:
    """The tokens that `_write` stored.

    Raises:
        FileNotFoundError: they are absent or incomplete.
        _DamagedError: the content is something else.
    """
    sizes = _sizes((folder / "meta.json").read_bytes())
    names = sorted((folder / "tokenizer").iterdir())
    content = {f"tokenizer/{path.name}": path.read_bytes() for path in names}
    try:
        tokenizer = Tokenizer.from_files(content)
    except GenctlError as error:
        raise _DamagedError from error
    arrays = {}
    for split, size in sizes.items():
        path, dtype = folder / f"{split}.bin", dtype_for(tokenizer.vocab_size)
        if path.stat().st_size != size.tokens * dtype.itemsize:
            raise _DamagedError
        arrays[split] = np.memmap(path, dtype, "r") if size.tokens else np.empty(0, dtype)
    train, valid = sizes["train"].bytes, sizes["valid"].bytes
    return TokenFiles(tokenizer, arrays["train"], arrays["valid"], train, valid)


def _sizes(meta: bytes) -> dict[str, _Size]:
    try:
        document = documents.require(documents.parse(meta), SPLITS)
        return {split: documents.build(_Size, document[split]) for split in SPLITS}
    except ValueError as error:
        raise _DamagedError from error
