"""What ``--data`` names as text: built in, a file, a packed file, lines of JSON, or a folder."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from genctl.data.image_source import safe_name
from genctl.data.order import natural
from genctl.data.text_files import SUFFIXES, Document, is_binary, read_text
from genctl.errors import ExitStatus, GenctlError, nearest

BUILT_IN = "pydoc"


@dataclass(frozen=True)
class TextSource:
    """Documents that can be read again and again.

    Attributes:
        name: short, and safe in a file name on every system.
        label: what the fingerprint holds besides the content.
        documents: reads them all anew, each in pieces; nothing large is held in memory.
        ignored: how many binary files lay among the texts.
    """

    name: str
    label: str
    documents: Callable[[], Iterator[Document]]
    ignored: int = 0


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
        return _folder(path)
    if os.path.isfile(path):
        if path.stat().st_size == 0:
            raise GenctlError(ExitStatus.DATA, f"{path} is empty")
        return TextSource(_name(path), "", lambda: read_text(path))
    raise _absent(source, path)


def _pydoc() -> Iterator[Document]:
    """The Python language reference, as every CPython carries it for ``help()``."""
    from pydoc_data.topics import topics

    for name in sorted(topics):
        yield iter([topics[name].strip("\n") + "\n"])


def _folder(root: Path) -> TextSource:
    """Every text under ``root`` in natural order.

    Hidden, empty and binary files are passed over.
    """
    inside = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    shown = sorted((path for path in inside if not _hidden(path)), key=natural)
    files = [root / path for path in shown if (root / path).stat().st_size]
    texts = [path for path in files if not is_binary(path)]
    if not texts:
        why = f"only binary files ({len(files)})" if files else "the folder is empty"
        raise GenctlError(
            ExitStatus.DATA,
            f"no text in {root}: {why}",
            hint="texts are UTF-8 files of any name, .jsonl, and .gz or .xz of these",
        )

    def documents() -> Iterator[Document]:
        for path in texts:
            yield from read_text(path)

    return TextSource(_name(root), "", documents, len(files) - len(texts))


def _name(path: Path) -> str:
    name = path.resolve().name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return safe_name(name)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


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
