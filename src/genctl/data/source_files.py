"""The files of a source, whatever their content, and the folders of named sets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genctl.errors import ExitStatus, GenctlError
from genctl.files import cache_folder, typed_path
from genctl.ordering import natural

SEEN = 1000
"""The number of files of a folder by which its kind of data is judged."""


def files_of(source: str) -> Iterator[Path]:
    """The files of a folder as `visible_in` gives them, or the file; none if it does not exist."""
    path = typed_path(source)
    if os.path.isdir(path):
        yield from visible_in(path)
    elif os.path.isfile(path):
        yield path


def files_in(root: Path) -> list[Path]:
    """The files under a folder that are neither hidden nor empty, in natural order."""
    return sorted(visible_in(root), key=lambda path: natural(path.relative_to(root)))


def visible_in(root: Path) -> Iterator[Path]:
    """The same as they come: whoever stops early has not read the rest of the folder.

    Raises:
        GenctlError: (DATA) a folder that cannot be read.
    """
    for path in walk(root):
        if not is_hidden(path.name) and path.is_file() and path.stat().st_size:
            yield path


@dataclass
class Passed:
    """Folders that `walk` does not read: hidden ones, and links to those that it has read."""

    hidden: list[Path] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)


def walk(root: Path, passed: Passed | None = None) -> Iterator[Path]:
    """Every entry under a folder that is not a folder, as they come; hidden folders are skipped.

    Linked folders are followed, each real folder once, as links may form a cycle. In a folder,
    links come last, so that their targets beside them keep their own names.

    Args:
        passed: collects the folders that are not read.

    Raises:
        GenctlError: (DATA) a folder that cannot be read.
    """
    passed = Passed() if passed is None else passed
    visited: set[str] = set()
    for folder, inner, names in os.walk(root, followlinks=True, onerror=_refuse_folder):
        real = os.path.realpath(folder)
        if real in visited:
            inner.clear()
            passed.repeated.append(Path(folder))
            continue
        visited.add(real)
        shown = [name for name in inner if not is_hidden(name)]
        passed.hidden += (Path(folder, name) for name in inner if is_hidden(name))
        inner[:] = sorted(shown, key=lambda name: (os.path.islink(f"{folder}/{name}"), name))
        yield from (Path(folder, name) for name in names)


def entries(root: Path) -> tuple[list[str], list[str]]:
    """The names of the folders and of the other entries in a folder, sorted.

    Raises:
        GenctlError: (DATA) the folder cannot be read.
    """
    _, folders, others = next(os.walk(root, onerror=_refuse_folder), ("", [], []))
    return sorted(folders), sorted(others)


def is_hidden(name: str) -> bool:
    """Whether a part of a path is a leftover of the system, such as macOS's ``._1.png``."""
    return name.startswith(".") or name == "__MACOSX"


def require_utf8(names: Iterable[str], place: str = "") -> None:
    """Refuse names that cannot be written in UTF-8, which all files of a run are in.

    Args:
        names: names or paths.
        place: the folder or file that has them, for the error.

    Raises:
        GenctlError: (DATA) one of the names has bytes of another encoding, such as GBK.
    """
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise GenctlError(
                ExitStatus.DATA,
                f"the name {name!r}{f' in {place}' if place else ''} is not in UTF-8",
                hint="rename it: the program convmv converts the names in a folder to UTF-8",
            ) from None


def _refuse_folder(error: OSError) -> None:
    raise GenctlError(
        ExitStatus.DATA,
        f"cannot read the folder {error.filename}: {error.strerror}",
        hint="change its permissions, or name another folder",
    )


def folder_of(name: str) -> Path:
    """The folder for the files of a set: under ``$GENCTL_DATASETS``, or in the cache by default."""
    root = os.environ.get("GENCTL_DATASETS")
    return (Path(root) if root else cache_folder() / "datasets") / name
