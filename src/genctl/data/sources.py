"""What ``--data`` names: the bundled digits, a folder of images or an ``.npz`` archive."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from genctl.data import decode
from genctl.data.archive import read_archive
from genctl.data.digits import CLASS_NAMES, load_digits
from genctl.data.folder import SPLITS, has_test_split, read_folder
from genctl.data.image_source import ImageSource
from genctl.errors import ExitStatus, GenctlError, nearest, unknown

__all__ = ["ImageSource", "open_source"]

_BUILT_IN = "digits"

# Below, os.path and not pathlib: it takes what cannot be looked at (locked, too long) for absent.


def open_source(
    source: str,
    *,
    split: str = "train",
    size: tuple[int, int] | None = None,
    channels: int | None = None,
) -> ImageSource:
    """Decode the images that ``source`` names.

    Args:
        source: ``digits``, the path of a folder or of an ``.npz``; ``:train`` or ``:test`` at its
            end overrides ``split``. A folder called ``digits`` is ``./digits``.
        split: ``train`` or ``test``.
        size: (height, width): crop to the aspect, from the centre, and resize; None keeps the
            native size.
        channels: 1, 3 or 4: convert to it; None keeps what is there.

    Raises:
        GenctlError: (DATA) nothing there, or nothing usable; (USAGE) an unknown split or depth.
    """
    source, split = _separate_split(source, split)
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if channels not in (None, 1, 3, 4):
        raise GenctlError(ExitStatus.USAGE, f"images have 1, 3 or 4 channels, not {channels}")
    opened = _open(source, split, size, channels)
    if split == "test" or not _has_test_split(source):
        return opened
    # The channels of the training images, also where the held-out ones alone would have others.
    wanted = opened.images.shape[3]
    return replace(opened, held_out=lambda: _open(source, "test", size, wanted))


def _separate_split(source: str, split: str) -> tuple[str, str]:
    name, colon, suffix = source.rpartition(":")
    if colon and suffix in SPLITS and not os.path.exists(_path(source)):
        return name, suffix
    return source, split


def _has_test_split(source: str) -> bool:
    return source == _BUILT_IN or has_test_split(_path(source))


def _open(
    source: str, split: str, size: tuple[int, int] | None, channels: int | None
) -> ImageSource:
    if source == _BUILT_IN:
        images, labels = load_digits("test" if split == "test" else "train")
        return ImageSource(
            images=decode.convert(images, size=size, channels=channels),
            labels=labels,
            class_names=CLASS_NAMES,
            name=_BUILT_IN,
            split=split,
            extractor=_BUILT_IN,
        )
    path = _path(source)
    if os.path.isdir(path):
        return read_folder(path, split=split, size=size, channels=channels)
    if os.path.isfile(path) and path.suffix.lower() == ".npz":
        return read_archive(path, split=split, size=size, channels=channels)
    raise _not_a_source(source, path)


def _path(source: str) -> Path:
    return Path(source).expanduser()


def _not_a_source(source: str, path: Path) -> GenctlError:
    if os.path.exists(path):
        message = f"{source} is neither a folder of images nor an .npz"
    else:
        built_in = (_BUILT_IN, *(f"{_BUILT_IN}:{split}" for split in SPLITS))
        close = nearest(path.name, (*_beside(path), *built_in))
        meant = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        message = f"no data at {source!r}{meant}"
    return GenctlError(
        ExitStatus.DATA,
        message,
        hint=f"name {_BUILT_IN} (built in), a folder of images, or an .npz",
    )


def _beside(path: Path) -> list[str]:
    """The names in the folder that ``path`` would be in, where that can be read."""
    try:
        return os.listdir(path.parent)
    except OSError:
        return []
