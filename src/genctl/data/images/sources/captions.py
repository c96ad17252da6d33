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
) -> Callable[[], Mapping[PurePath, Openable]] | None:
    """The files with the captions of ``images`` among ``others``; None where there are none.

    Args:
        file: opens a path.
    """
    texts = {path.with_suffix(""): path for path in others if path.suffix.lower() == SUFFIX}
    pairs = {
        image: texts[image.with_suffix("")] for image in images if image.with_suffix("") in texts
    }
    if not pairs:
        return None
    return lambda: {image: file(text) for image, text in pairs.items()}


def read_caption(file: Openable) -> str | None:
    """The caption; None if it cannot be read, is not UTF-8 or is longer than `MAX_BYTES`."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        return None if len(content) > MAX_BYTES else documents.text(content).strip()
    except (OSError, ValueError):
        return None
