"""The files of a source, whatever their content, and the folders of named sets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from genctl.files import cache_folder
from genctl.ordering import natural


def files_of(source: str) -> Iterator[Path]:
    """The files of a folder as `visible_in` gives them, or the file; none if it does not exist."""
    path = Path(source).expanduser()
    if os.path.isdir(path):
        yield from visible_in(path)
    elif os.path.isfile(path):
        yield path


def files_in(root: Path) -> list[Path]:
    """The files under a folder that are neither hidden nor empty, in natural order."""
    return sorted(visible_in(root), key=lambda path: natural(path.relative_to(root)))


def visible_in(root: Path) -> Iterator[Path]:
    """The same as they come: whoever stops early has not read the rest of the folder."""
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not _hidden(name)]
        for path in (Path(folder, name) for name in names if not _hidden(name)):
            if path.is_file() and path.stat().st_size:
                yield path


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def folder_of(name: str) -> Path:
    """The folder for the files of a set: under ``$GENCTL_DATASETS``, or in the cache by default."""
    root = os.environ.get("GENCTL_DATASETS")
    return (Path(root) if root else cache_folder() / "datasets") / name
