"""Captions of images: ``cat.txt`` beside ``cat.png``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath

from genctl import documents
from genctl.data.images.decode import Openable

SUFFIX = ".txt"
MAX_BYTES = 2**16

Captions = Mapping[PurePath, str]
"""Image -> caption, for images that have one."""


def beside(images: Iterable[PurePath], others: Iterable[PurePath]) -> dict[PurePath, PurePath]:
    """Image -> the file with its caption among ``others``, for images that have one."""
    texts = {path.with_suffix(""): path for path in others if path.suffix.lower() == SUFFIX}
    return {
        image: texts[image.with_suffix("")] for image in images if image.with_suffix("") in texts
    }


def read_caption(file: Openable) -> str | None:
    """The caption; None if it cannot be read, is not UTF-8 or is longer than `MAX_BYTES`."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        return None if len(content) > MAX_BYTES else documents.text(content).strip()
    except (OSError, ValueError):
        return None
