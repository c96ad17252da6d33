"""The encoding of a text: UTF-8, that of its byte-order mark, or the one the user names."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from genctl.data.text.decompress import blocks, head
from genctl.documents import UTF16_MARKS
from genctl.errors import ExitStatus, GenctlError, Suggestion

UTF8 = "utf-8"

CODECS: Mapping[str, str] = {
    UTF8: "utf-8-sig",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_jp": "euc_jp",
    "euc_kr": "cp949",
    "cp1251": "cp1251",
    "cp1252": "cp1252",
    "koi8_r": "koi8_r",
}
"""Encoding -> Python's name of the superset used to decode it (as in browsers: WHATWG)."""

UTF16 = "utf-16"
_HEAD_BYTES = 1 << 16
_READING = 100
_NO_CHANCE = 8


def characters(path: Path, encoding: str = UTF8) -> Iterator[str]:
    """The text of a file, in pieces of about a megabyte; line ends stay as they are.

    Args:
        path: a text file, perhaps packed. A byte-order mark of UTF-8 or UTF-16 is used and removed.
        encoding: one of `CODECS`, for a file that has no mark and is not UTF-8.

    Raises:
        GenctlError: (DATA) the file is binary, damaged, or not in this encoding.
    """
    codec = _codec(path, encoding)
    try:
        yield from _decoded(path, codec)
    except _NoCharacterError as error:
        raise _refused(path, codec, encoding, error.position) from None


def is_binary(path: Path) -> bool:
    """Whether the beginning of a file, once unpacked, has a zero byte and is not UTF-16.

    Raises:
        GenctlError: (DATA) the file cannot be read.
    """
    beginning = head(path, _HEAD_BYTES)
    if not beginning.startswith(UTF16_MARKS):
        return b"\0" in beginning
    try:
        codecs.getincrementaldecoder(UTF16)().decode(beginning)
    except UnicodeDecodeError:
        return True
    return False


def readings(path: Path) -> dict[str, str]:
    """Encoding -> beginning of a file without a mark, for each encoding in which it is valid.

    Raises:
        GenctlError: (DATA) the file cannot be read.
    """
    found: dict[str, str] = {}
    for name, codec in CODECS.items():
        try:
            pieces = _decoded(path, codec)
            beginning = next(pieces, "")[:_READING]
            for _ in pieces:
                pass
        except _NoCharacterError:
            continue
        if beginning not in found.values():
            found[name] = beginning
    return found


class EncodingError(GenctlError):
    """A text is not UTF-8, and may be in an encoding that was not named."""


class _NoCharacterError(ValueError):
    """The byte at ``position``, counted from the start, is not the start of a character."""

    def __init__(self, position: int) -> None:
        self.position = position
        super().__init__(position)


def _codec(path: Path, encoding: str) -> str:
    beginning = head(path, _HEAD_BYTES)
    if beginning.startswith(UTF16_MARKS):
        return UTF16
    if b"\0" in beginning:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} looks binary (NUL at byte {beginning.index(0)})",
            hint="name a text in UTF-8, .jsonl, or one of these packed as .gz or .xz",
        )
    return CODECS[UTF8 if encoding == UTF8 or _is_utf8(path) else encoding]


def _is_utf8(path: Path) -> bool:
    try:
        for _ in _decoded(path, CODECS[UTF8]):
            pass
    except _NoCharacterError:
        return False
    return True


def _is_utf8_before(path: Path, position: int) -> bool:
    """Whether there are more non-ASCII characters before ``position`` than chance explains."""
    before = head(path, min(position, _HEAD_BYTES)).decode("utf-8", "ignore")
    return sum(not character.isascii() for character in before) >= _NO_CHANCE


def _decoded(path: Path, codec: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)()
    position = 0
    for block in chain(blocks(path), [b""]):
        position += len(block)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise _NoCharacterError(position - len(error.object) + error.start) from None
        if text:
            yield text


def _refused(path: Path, codec: str, encoding: str, position: int) -> GenctlError:
    where = f"byte {position} is not the start of a character"
    others = ", ".join(name for name in CODECS if name not in (UTF8, "gbk", "gb18030", encoding))
    kind: type[GenctlError] = GenctlError
    suggest = None
    if codec == UTF16:
        message, hint = f"not UTF-16, despite its mark: {where}", "copy or download it again"
    elif codec != CODECS[UTF8]:
        message, hint = f"neither UTF-8 nor {encoding}: {where}", f"try another: {others}"
    elif _is_utf8_before(path, position):
        message = f"not UTF-8: {where}"
        hint = "it is UTF-8 up to there: correct it, or copy or download it again"
    else:
        kind, message = EncodingError, f"not UTF-8: {where}"
        hint = f"another encoding: {others}"
        suggest = Suggestion("", {"encoding": "gb18030"}, "if it is Chinese")
    return kind(
        ExitStatus.DATA, f"{path} is {message}", hint=hint, option="encoding", suggest=suggest
    )
