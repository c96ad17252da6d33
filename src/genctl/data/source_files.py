"""The files of a source, whatever their content, and the folders of named sets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from genctl.files import cache_folder
from genctl.ordering import natural


def files_of(source: str) -> list[Path]:
    """The files of a folder, or the file itself; none if it does not exist."""
    path = Path(source).expanduser()
    if os.path.isdir(path):
        return list(files_in(path))
    return [path] if os.path.isfile(path) else []


def files_in(root: Path) -> Iterator[Path]:
    """The files under a folder that are neither hidden nor empty, in natural order."""
    inside = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    shown = sorted((path for path in inside if not _hidden(path)), key=natural)
    return (root / path for path in shown if (root / path).stat().st_size)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def folder_of(name: str) -> Path:
    """The folder for the files of a set: under ``$GENCTL_DATASETS``, or in the cache by default."""
    root = os.environ.get("GENCTL_DATASETS")
    return (Path(root) if root else cache_folder() / "datasets") / name
