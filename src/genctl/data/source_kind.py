"""Whether a source is of images or of text, from names and first bytes."""

from __future__ import annotations

import os
from pathlib import Path

from genctl.data.images import decode
from genctl.data.images.open_source import is_named
from genctl.data.text.characters import is_binary
from genctl.data.text.source import BUILT_IN, files_in

_OF_IMAGES = (*decode.SUFFIXES, ".zip", ".npz", ".parquet", ".arrow")


def is_images(source: str) -> bool:
    """Whether ``source`` is a set of images: of a folder, where any lie in it."""
    return is_named(source) or any(file.suffix.lower() in _OF_IMAGES for file in _files(source))


def is_text(source: str) -> bool:
    """Whether ``source`` is text: of a folder, where texts lie in it and no images.

    Raises:
        GenctlError: (DATA) a file cannot be read.
    """
    if source == BUILT_IN:
        return True
    return not is_images(source) and any(not is_binary(file) for file in _files(source))


def _files(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if os.path.isdir(path):
        return list(files_in(path))
    return [path] if os.path.isfile(path) else []
