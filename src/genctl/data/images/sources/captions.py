"""Captions of images: ``cat.txt`` beside ``cat.png``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath

from genctl import documents
from genctl.data.images.decode import Openable

SUFFIX = ".txt"
MAX_BYTES = 2**16

Captions = Mapping[PurePath, str]
"""Image -> caption, for images that have one."""


def beside(
    images: Iterable[PurePath],
    others: Iterable[PurePath],
    file: Callable[[PurePath], Openable],
) -> Callable[[], Captions] | None:
    """A reader of the captions of ``images`` in ``others``; None where there are none.

    Args:
        file: opens a path.
    """
    texts = {path.with_suffix(""): path for path in others if path.suffix.lower() == SUFFIX}
    pairs = {
        image: texts[image.with_suffix("")] for image in images if image.with_suffix("") in texts
    }
    if not pairs:
        return None
    return lambda: {image: _read(file(text)) for image, text in pairs.items()}


def _read(file: Openable) -> str:
    """The caption; empty if it cannot be read."""
    try:
        with file.open("rb") as opened:
            return documents.text(opened.read(MAX_BYTES)).strip()
    except (OSError, ValueError):
        return ""
