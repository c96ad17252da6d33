"""What ``--data`` names as text: built in, a file, a packed file, lines of JSON, or a folder."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from genctl.data.image_source import safe_name
from genctl.errors import ExitStatus, GenctlError, nearest

BUILT_IN = "pydoc"
PIECE_BYTES = 1 << 20
_PACKED: Mapping[str, Callable[[Path], object]] = {".gz": gzip.open, ".xz": lzma.open}
_LINES = (".jsonl", ".ndjson")
_BOM = b"\xef\xbb\xbf"

Document = Iterator[str]
"""A text in pieces of about a megabyte."""


@dataclass(frozen=True)
class TextSource:
    """Documents that can be read again and again.

    Attributes:
        name: short, and safe in a file name on every system.
        label: what the fingerprint holds besides the content.
        documents: reads them all anew, each in pieces; nothing large is held in memory.
    """

    name: str
    label: str
    documents: Callable[[], Iterator[Document]]


def open_text(source: str) -> TextSource:
    """The text that ``source`` names.

    Args:
        source: ``pydoc``, or the path of a text file, of lines of JSON (``.jsonl``, with the field
            ``text``: a document each), of one of these packed by gzip or xz, or of a folder of
            such files. Texts are UTF-8; a byte-order mark is dropped, line ends stay as they are.

    Raises:
        GenctlError: (DATA) nothing there. Reading raises it for what cannot be read.
    """
    if source == BUILT_IN:
        return TextSource(BUILT_IN, f"python {platform.python_version()}", _pydoc)
    path = Path(source).expanduser()
    if os.path.isdir(path):
        return TextSource(_name(path), "", lambda: _folder(path))
    if os.path.isfile(path):
        return TextSource(_name(path), "", lambda: _file(path))
    raise _absent(source, path)


def _pydoc() -> Iterator[Document]:
    """The Python language reference, as every CPython carries it for ``help()``."""
    from pydoc_data.topics import topics

    for name in sorted(topics):
        yield iter([topics[name].strip("\n") + "\n"])


def _folder(root: Path) -> Iterator[Document]:
    """Every text under ``root``, by path; hidden and binary files are passed over."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not _hidden(path, root)]
    texts = [path for path in files if not _is_binary(path)]
    if not texts:
        why = f"only binary files ({len(files)})" if files else "the folder is empty"
        raise GenctlError(
            ExitStatus.DATA,
            f"no text in {root}: {why}",
            hint="texts are UTF-8 files of any name, .jsonl, and .gz or .xz of these",
        )
    for path in texts:
        yield from _file(path)


def _file(path: Path) -> Iterator[Document]:
    if path.stat().st_size == 0:
        raise GenctlError(ExitStatus.DATA, f"{path} is empty")
    if _inner_suffix(path) in _LINES:
        for text in _json_lines(path):
            yield iter([text])
    else:
        yield _pieces(path)


def _pieces(path: Path) -> Document:
    """The text of a file, decoded a piece at a time; a bad byte is named by its offset."""
    position, rest, first = 0, b"", True
    with _opened(path) as file:
        while True:
            block = _read(file, path)
            if first:
                block, first = block.removeprefix(_BOM), False
                _refuse_binary(block, path)
            data = rest + block
            try:
                text, rest = data.decode("utf-8"), b""
            except UnicodeDecodeError as error:
                cut_off = error.reason == "unexpected end of data" and block
                if not cut_off:
                    raise _not_utf8(path, position + error.start) from None
                text, rest = data[: error.start].decode("utf-8"), data[error.start :]
            position += len(data) - len(rest)
            if text:
                yield text
            if not block:
                return


def _json_lines(path: Path) -> Iterator[str]:
    with _opened(path) as file:
        number = 0
        while line := _read_line(file, path):
            number += 1
            if not line.strip():
                continue
            try:
                document = json.loads(line)
                text = document["text"] if isinstance(document, dict) else None
            except (ValueError, KeyError):
                text = None
            if not isinstance(text, str):
                raise GenctlError(
                    ExitStatus.DATA,
                    f"{path}, line {number}: no JSON object with a text in the field 'text'",
                    hint='a line is {"text": "..."}',
                )
            yield text


def _opened(path: Path) -> BinaryIO:
    opened = _PACKED[path.suffix.lower()](path) if _is_packed(path) else path.open("rb")
    return cast("BinaryIO", opened)


def _read(file: BinaryIO, path: Path) -> bytes:
    try:
        return file.read(PIECE_BYTES)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise _damaged(path, error) from None


def _read_line(file: BinaryIO, path: Path) -> bytes:
    try:
        return file.readline()
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise _damaged(path, error) from None


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096)
    return b"\0" in head and not _is_packed(path)


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in _PACKED


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


def _damaged(path: Path, error: Exception) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA, f"{path} cannot be unpacked: {error}", hint="copy or download it again"
    )


def _inner_suffix(path: Path) -> str:
    return (path.with_suffix("") if _is_packed(path) else path).suffix.lower()


def _name(path: Path) -> str:
    name = path.resolve().name
    for suffix in (*_PACKED, *_LINES, ".txt", ".md"):
        name = name.removesuffix(suffix)
    return safe_name(name)


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _absent(source: str, path: Path) -> GenctlError:
    try:
        beside = os.listdir(path.parent)
    except OSError:
        beside = []
    close = nearest(path.name, [*beside, BUILT_IN])
    meant = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    return GenctlError(
        ExitStatus.DATA,
        f"no text at {source!r}{meant}",
        hint=f"name {BUILT_IN} (built in), a text file, .jsonl, or a folder of these",
    )
