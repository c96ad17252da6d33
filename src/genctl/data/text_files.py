"""Files of text, read a piece at a time: plain, packed, or lines of JSON."""

from __future__ import annotations

import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from genctl import documents
from genctl.errors import ExitStatus, GenctlError

PIECE_BYTES = 1 << 20
_HEAD_BYTES = 4096
_PACKED: Mapping[str, Callable[[Path], object]] = {".gz": gzip.open, ".xz": lzma.open}
_LINES = (".jsonl", ".ndjson")
_BOM = b"\xef\xbb\xbf"
_UNREADABLE = (OSError, EOFError, lzma.LZMAError, zlib.error)
_HALF = re.compile("[\ud800-\udfff]")

SUFFIXES = (*_PACKED, *_LINES, ".txt", ".md")
"""What a name of a text is without."""

Document = Iterator[str]
"""A text in pieces of about a megabyte."""


def read_text(path: Path) -> Iterator[Document]:
    """The documents of one file: one, or one a line of JSON.

    Raises:
        GenctlError: (DATA) it is binary, not UTF-8, damaged, or a line holds no text.
    """
    if has_lines(path):
        for text in _json_lines(path):
            yield iter([text])
    else:
        yield _pieces(path)


def has_lines(path: Path) -> bool:
    """Whether each line of the file is a JSON object."""
    return (path.with_suffix("") if _is_packed(path) else path).suffix.lower() in _LINES


def field_of(line: str, *names: str) -> str:
    """The text in the first of the fields ``names`` that a line of JSON has.

    Raises:
        ValueError: it has none; the message says what is wrong.
    """
    try:
        record = documents.parse(line)
    except ValueError:
        record = None
    found = [record[name] for name in names if name in record] if isinstance(record, dict) else []
    if not found or not isinstance(found[0], str):
        raise ValueError(f"no JSON object with a text in the field {' or '.join(map(repr, names))}")
    if half := _HALF.search(found[0]):
        raise ValueError(f"its text has half a character, \\u{ord(half[0]):04x}")
    return found[0]


def is_binary(path: Path) -> bool:
    """Whether the beginning of a file, once unpacked, holds a zero byte.

    Raises:
        GenctlError: (DATA) it cannot be read.
    """
    with _opened(path) as file:
        return b"\0" in _read(file, path, _HEAD_BYTES)


def _pieces(path: Path) -> Document:
    """The text of a file, decoded a piece at a time; a bad byte is named by its offset."""
    position, rest, first = 0, b"", True
    with _opened(path) as file:
        while True:
            block = _read(file, path, PIECE_BYTES)
            data = rest + block
            if first:
                first = False
                _refuse_binary(data, path)
                data, position = _without_bom(data)
            try:
                text, rest = data.decode("utf-8"), b""
            except UnicodeDecodeError as error:
                if error.reason != "unexpected end of data" or not block:
                    raise _not_utf8(path, position + error.start) from None
                text, rest = data[: error.start].decode("utf-8"), data[error.start :]
            position += len(data) - len(rest)
            if text:
                yield text
            if not block:
                return


def _json_lines(path: Path) -> Iterator[str]:
    number = position = 0
    with _opened(path) as file:
        while raw := _read(file, path, None):
            number += 1
            line, skipped = _without_bom(raw) if number == 1 else (raw, 0)
            try:
                if line.strip():
                    yield field_of(line.decode("utf-8"), "text")
            except UnicodeDecodeError as error:
                raise _not_utf8(path, position + skipped + error.start) from None
            except ValueError as error:
                raise GenctlError(
                    ExitStatus.DATA,
                    f"{path}, line {number}: {error}",
                    hint='a line is {"text": "..."}',
                ) from None
            position += len(raw)


def _opened(path: Path) -> BinaryIO:
    try:
        return cast("BinaryIO", _PACKED.get(path.suffix.lower(), _plain)(path))
    except OSError as error:
        raise _unreadable(path, error) from None


def _plain(path: Path) -> BinaryIO:
    return path.open("rb")


def _read(file: BinaryIO, path: Path, size: int | None) -> bytes:
    """Up to ``size`` bytes; one line when None."""
    try:
        return file.readline() if size is None else file.read(size)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in _PACKED


def _without_bom(data: bytes) -> tuple[bytes, int]:
    """The bytes after a byte-order mark, and its length."""
    rest = data.removeprefix(_BOM)
    return rest, len(data) - len(rest)


def _refuse_binary(head: bytes, path: Path) -> None:
    if b"\0" in head:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} is a binary file: byte {head.index(0)} is zero",
            hint="name a text in UTF-8, .jsonl, or one of these packed as .gz or .xz",
        )


def _not_utf8(path: Path, offset: int) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"{path} is not UTF-8: byte {offset} begins no character",
        hint=f"convert it, e.g. iconv -f GB18030 -t UTF-8 {path.name}",
    )


def _unreadable(path: Path, error: Exception) -> GenctlError:
    if _is_packed(path) and getattr(error, "errno", None) is None:
        return GenctlError(
            ExitStatus.DATA, f"{path} cannot be unpacked: {error}", hint="copy or download it again"
        )
    reason = getattr(error, "strerror", None) or str(error)
    return GenctlError(ExitStatus.DATA, f"cannot read {path}: {reason}")
