"""Sources of text: built-in, a file, a packed file, lines of JSON, or a folder."""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from genctl.data.source_files import files_in, require_utf8
from genctl.data.text.characters import UTF8, is_binary
from genctl.data.text.files import SUFFIXES, Document, read_text
from genctl.errors import ExitStatus, GenctlError, nearest
from genctl.files import safe_name, typed_path

BUILT_IN = "pydoc"


@dataclass(frozen=True)
class TextSource:
    """Documents that can be read repeatedly.

    Attributes:
        name: short, and safe in a file name on every system.
        label: the part of the fingerprint besides the content.
        files: path -> reads its documents from the start, each in pieces that fit in memory.
        ignored: the number of binary files among the texts.
    """

    name: str
    label: str
    files: Mapping[str, Callable[[], Iterator[Document]]]
    ignored: int = 0

    def documents(self) -> Iterator[Document]:
        """All documents of all files, read from the start.

        Raises:
            GenctlError: (DATA) one of them cannot be read.
        """
        for read in self.files.values():
            yield from read()


def open_text(source: str, encoding: str = UTF8) -> TextSource:
    """The text that ``source`` names.

    Args:
        source: ``pydoc``, or the path of a text file, of lines of JSON (``.jsonl``, with the field
            ``text``: a document each), of one of these packed by gzip or xz, or of a folder of
            such files. Line ends stay as they are.
        encoding: the encoding of files that have no byte-order mark and are not UTF-8.

    Raises:
        GenctlError: (DATA) no such source. Reading raises it for files that cannot be read.
    """
    require_utf8([source])
    if source == BUILT_IN:
        return TextSource(BUILT_IN, f"python {platform.python_version()}", {BUILT_IN: _pydoc})
    path = typed_path(source)
    if os.path.isdir(path):
        return _folder(path, encoding)
    if os.path.isfile(path):
        if path.stat().st_size == 0:
            raise GenctlError(ExitStatus.DATA, f"{path} is empty", hint="name another text")
        return TextSource(_name(path), "", _readers([path], encoding))
    raise _absent(source, path)


def _pydoc() -> Iterator[Document]:
    """The Python language reference, which every CPython contains for ``help()``."""
    from pydoc_data.topics import topics

    for name in sorted(topics):
        yield iter([topics[name].strip("\n") + "\n"])


def _folder(root: Path, encoding: str) -> TextSource:
    """Every text under ``root`` in natural order.

    Hidden, empty and binary files are skipped.
    """
    files = files_in(root)
    texts = [path for path in files if not _is_binary(path)]
    if not texts:
        why = f"only binary files ({len(files)})" if files else "the folder is empty"
        raise GenctlError(
            ExitStatus.DATA,
            f"no text in {root}: {why}",
            hint="texts are files of any name, .jsonl, and .gz or .xz of these",
        )
    return TextSource(_name(root), "", _readers(texts, encoding), len(files) - len(texts))


def _is_binary(path: Path) -> bool:
    """Whether the file is binary; not if it cannot be read, which whoever reads it reports."""
    try:
        return is_binary(path)
    except GenctlError:
        return False


def _readers(paths: list[Path], encoding: str) -> dict[str, Callable[[], Iterator[Document]]]:
    return {str(path): functools.partial(read_text, path, encoding) for path in paths}


def _name(path: Path) -> str:
    name = path.resolve().name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return safe_name(name)


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
