"""Sources of images: the bundled digits, a folder or ZIP of images, or an ``.npz`` archive."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from genctl.data.images.sets.catalogue import BUILT_IN, NAMED_SETS
from genctl.data.images.source import ImageSource
from genctl.data.images.sources.archive import read_archive
from genctl.data.images.sources.folder import read_folder
from genctl.data.images.sources.splits import SPLITS
from genctl.data.images.sources.table_files import PARQUET
from genctl.errors import ExitStatus, GenctlError, nearest, unknown
from genctl.files import typed_path

__all__ = ["ImageSource", "open_source"]

# Below, os.path and not pathlib: it treats unreadable paths (locked, too long) as absent.


def open_source(
    source: str,
    *,
    split: str = "train",
    size: tuple[int, int] | None = None,
    channels: int | None = None,
) -> ImageSource:
    """Decode the images that ``source`` names.

    Args:
        source: one of `NAMED_SETS`, such as ``digits``, or the path of a folder, a
            ``.zip``, a ``.parquet`` or an ``.npz``; ``:train`` or ``:test`` at its end overrides
            ``split``. A folder called ``digits`` is ``./digits``.
        split: ``train`` or ``test``.
        size: (height, width): centre-crop to the aspect ratio and resize; None keeps the
            native size.
        channels: 1, 3 or 4: convert to this number; None keeps the native number.

    Raises:
        GenctlError: (DATA) no such source, or no usable image; (USAGE) an unknown split or depth.
    """
    source, split = separate_split(source, split)
    if split not in SPLITS:
        raise unknown("split", split, SPLITS, option="data.source")
    if channels not in (None, 1, 3, 4):
        raise GenctlError(
            ExitStatus.USAGE,
            f"images have 1, 3 or 4 channels, not {channels}",
            option="channels",
            suggest=3,
        )
    if is_named(source):
        return _open_named(source, split, size, channels)
    path = _path(source)
    if os.path.isdir(path) or is_packed(path):
        return read_folder(path, split=split, size=size, channels=channels)
    if os.path.isfile(path) and path.suffix.lower() == ".npz":
        return read_archive(path, split=split, size=size, channels=channels)
    raise not_a_source(source)


def _open_named(
    name: str, split: str, size: tuple[int, int] | None, channels: int | None
) -> ImageSource:
    read = NAMED_SETS[name].read
    opened = read(split, size, channels)
    if split == "test":
        return opened
    # The channels of the training images, even if the held-out images alone would have others.
    wanted = opened.images.shape[3]
    return replace(opened, held_out=lambda: read("test", size, wanted))


def separate_split(source: str, split: str) -> tuple[str, str]:
    """A source without the split at its end, and the split that is meant."""
    name, colon, suffix = source.rpartition(":")
    if colon and suffix in SPLITS and not os.path.exists(_path(source)):
        return name, suffix
    return source, split


def is_named(source: str) -> bool:
    """Whether ``source`` is the name of a set, whatever the working folder contains."""
    return source in NAMED_SETS


def is_files(source: str) -> bool:
    """Whether ``source`` is a folder or ZIP of image files."""
    path = _path(source)
    return not is_named(source) and (os.path.isdir(path) or is_packed(path))


def place_of(source: str) -> Path:
    """The path of ``source``."""
    return _path(source)


def is_packed(path: Path) -> bool:
    """Whether a ZIP or Parquet file is there."""
    return os.path.isfile(path) and path.suffix.lower() in (".zip", PARQUET)


def _path(source: str) -> Path:
    return typed_path(source)


def not_a_source(source: str) -> GenctlError:
    """The error for a name that is not a source of images."""
    path = _path(source)
    if os.path.exists(path):
        message = f"{source} is neither a folder, ZIP or Parquet file of images nor an .npz"
    else:
        built_in = (*NAMED_SETS, *(f"{BUILT_IN}:{split}" for split in SPLITS))
        close = nearest(path.name, (*_beside(path), *built_in))
        meant = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        message = f"no data at {source!r}{meant}"
    return GenctlError(
        ExitStatus.DATA,
        message,
        hint=f"name {BUILT_IN} (built in), a folder or ZIP of images, or an .npz",
    )


def _beside(path: Path) -> list[str]:
    """The names in the folder that ``path`` would be in, where that can be read."""
    try:
        return os.listdir(path.parent)
    except OSError:
        return []
