"""The sets of images that have a name: what each is, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from genctl.data.images import decode
from genctl.data.images.sets import digits, emoji
from genctl.data.images.sets.known_sets import KNOWN_SETS, read_known
from genctl.data.images.source import ImageSource
from genctl.data.images.sources import celeba
from genctl.data.images.sources.folder import read_folder

Size = tuple[int, int] | None
BUILT_IN = "digits"


@dataclass(frozen=True)
class NamedSet:
    """A set of images with a name.

    Attributes:
        summary: one line.
        read: (split, size, channels) -> its images; size and channels as in `open_source`.
        folder: the folder of its image files, for a set that is too large for memory.
    """

    summary: str
    read: Callable[[str, Size, int | None], ImageSource]
    folder: Callable[[], Path] | None = None


def _digits(split: str, size: Size, channels: int | None) -> ImageSource:
    images, labels = digits.load_digits("test" if split == "test" else "train")
    return ImageSource(
        images=decode.convert(images, size=size, channels=channels),
        labels=labels,
        class_names=digits.CLASS_NAMES,
        name=BUILT_IN,
        split=split,
        extractor=BUILT_IN,
    )


def _emoji(split: str, size: Size, channels: int | None) -> ImageSource:
    images, labels, captions = emoji.load_emoji(split)
    return ImageSource(
        images=decode.convert(images, size=size, channels=channels),
        labels=labels,
        class_names=emoji.CLASS_NAMES,
        captions=captions,
        name="emoji",
        split=split,
    )


def _celeba(split: str, size: Size, channels: int | None) -> ImageSource:
    found = read_folder(celeba.celeba_folder(), split=split, size=size, channels=channels)
    return replace(found, name=celeba.NAME)


def _known(name: str) -> NamedSet:
    def read(split: str, size: Size, channels: int | None) -> ImageSource:
        images, labels = read_known(name, split)
        return ImageSource(
            images=decode.convert(images, size=size, channels=channels),
            labels=labels,
            class_names=KNOWN_SETS[name].class_names,
            name=name,
            split=split,
        )

    return NamedSet(KNOWN_SETS[name].summary, read)


NAMED_SETS: Mapping[str, NamedSet] = {
    BUILT_IN: NamedSet("10,000 handwritten digits, 28x28, grey: in the package", _digits),
    "emoji": NamedSet("1,386 colour images, 64x64, from the font Noto Color Emoji", _emoji),
    celeba.NAME: NamedSet(
        "182,732 faces, 178x218, colour, without classes: data.size=64",
        _celeba,
        celeba.celeba_folder,
    ),
    **{name: _known(name) for name in KNOWN_SETS},
}
"""Name -> set. Each has the splits ``train`` and ``test``."""
