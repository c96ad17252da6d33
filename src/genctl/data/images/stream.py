"""Images one after another, in any number: the input of an evaluation.

`ImageSource` holds a training set in memory, all of one shape. A stream keeps only a few
batches in memory, and its images may differ in size and depth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genctl.compat.callables import first_line
from genctl.data.images.source import ImageSource
from genctl.errors import ExitStatus, GenctlError
from genctl.wording import some_of

BATCH = 256
_SEED = 2020

Pixels = npt.NDArray[np.uint8]


@dataclass
class ImagePass:
    """One pass over some of a stream's images; its attributes are complete at its end.

    Attributes:
        rows: the place in the stream of each image that was read.
        unreadable: the other images, as ``path: reason``.
        jpegs: how many images are JPEG files.
        deep: how many have 16 bits per channel, reduced to 8.
        left_out: what the place has besides images, in one line; empty where it has nothing else.
    """

    batches: Iterator[Pixels] = field(repr=False, default_factory=lambda: iter(()))
    rows: list[int] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    jpegs: int = 0
    deep: int = 0
    left_out: str = ""

    def __iter__(self) -> Iterator[Pixels]:
        """Batches ``(B, H, W, C) uint8``, each of one shape."""
        return self.batches

    @property
    def remarks(self) -> tuple[str, ...]:
        """Facts about the files that a reader of the scores must know, one clause each."""
        found = []
        if self.unreadable:
            named = some_of(self.unreadable)
            found.append(f"include {len(self.unreadable)} unreadable images, skipped: {named}")
        if self.left_out:
            found.append(self.left_out.replace("left out", "leave out", 1))
        if self.jpegs:
            found.append(
                f"include {self.jpegs:,} JPEG files, whose artefacts change every distance: "
                "compare only with the same format and quality"
            )
        if self.deep:
            found.append(f"include {self.deep:,} of 16 bits per channel, reduced to 8")
        return tuple(found)


class ImageStream(ABC):
    """Some images.

    Attributes:
        name: short, for people and signatures.
        split: ``train`` or ``test``.
        count: the number of images.
        labels: (N,) int64, or None where there are no classes.
        class_names: the names of the labels.
        extractor: the feature extractor that was made for such images, if one was.
        verb: the word for reading it, as shown during the pass.
        lasting: whether `fingerprint` identifies the images, so that features may be cached.
    """

    name: str
    split: str = "train"
    count: int
    labels: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    extractor: str = ""
    verb: str = "reading"
    lasting: bool = True

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """sha256 (hex) of the content."""

    @abstractmethod
    def read(self, rows: Sequence[int]) -> ImagePass:
        """A pass over the images at ``rows``, which must ascend."""

    @abstractmethod
    def pick(self, rows: Sequence[int]) -> list[Pixels]:
        """Single images, (H, W, C) each."""

    def held_out(self) -> ImageStream | None:
        """The test split that belongs to these images, if there is one."""
        return None


class ArrayStream(ImageStream):
    """Images that are in memory."""

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self.name, self.split, self.extractor = source.name, source.split, source.extractor
        self.count = len(source.images)
        self.labels, self.class_names = source.labels, source.class_names

    @property
    def fingerprint(self) -> str:
        """The fingerprint of pixels, labels and class names."""
        return self._source.fingerprint

    def read(self, rows: Sequence[int]) -> ImagePass:
        """Rows of the array."""
        return ImagePass((self._source.images[part] for part in batched(rows)), list(rows))

    def pick(self, rows: Sequence[int]) -> list[Pixels]:
        """Rows of the array."""
        return [self._source.images[row] for row in rows]

    def held_out(self) -> ImageStream | None:
        """The source's own test split."""
        found = self._source.held_out()
        return None if found is None else ArrayStream(found)


Draw = Callable[[Sequence[int]], npt.NDArray[np.uint8]]
"""Maps places to images: image k is always the same, (B, H, W, C) or (B, C, H, W) uint8."""


class DrawnStream(ImageStream):
    """Images from a function of the user.

    Args:
        count: the number of images to take.
        name: the name to show.
        fingerprint: the fingerprint of the function.
    """

    lasting = False

    def __init__(self, draw: Draw, count: int, name: str, fingerprint: str) -> None:
        self._draw, self.count, self.name, self._fingerprint = draw, count, name, fingerprint

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the function's source, which may not determine its images."""
        return self._fingerprint

    def read(self, rows: Sequence[int]) -> ImagePass:
        """Call the function for up to `BATCH` images at a time.

        Raises:
            GenctlError: (USAGE) during the pass, it fails or returns another number of images.
        """
        return ImagePass((self._drawn(part) for part in batched(rows)), list(rows))

    def pick(self, rows: Sequence[int]) -> list[Pixels]:
        """Call the function for one image at a time."""
        return [_channels_last(self._drawn([row])[0]) for row in rows]

    def _drawn(self, places: list[int]) -> Pixels:
        try:
            images = self._draw(places)
            count = len(images)
        except Exception as error:  # noqa: BLE001 - it is the user's code
            why = f"it failed: {first_line(error)}"
        else:
            if count == len(places):
                return images
            why = f"asked for {len(places)} images, it returned {count}"
        raise GenctlError(
            ExitStatus.USAGE,
            f"cannot take images from the function {self.name}: {why}",
            hint="it takes a list of places and returns that many images, (B, H, W, C) uint8",
        )


def batched(rows: Sequence[int], size: int = BATCH) -> Iterator[list[int]]:
    """``rows``, up to ``size`` at a time."""
    return (list(rows[start : start + size]) for start in range(0, len(rows), size))


def evenly_spaced(count: int, n: int) -> Sequence[int]:
    """``n`` of ``count`` places, or all: chosen at random, the same each time, in order.

    The first places would all be of the first classes if the files are sorted by class.
    """
    if n >= count:
        return range(count)
    # NumPy promises never to change the stream of its legacy generator.
    chosen: list[int] = np.sort(np.random.RandomState(_SEED).permutation(count)[:n]).tolist()
    return chosen


def _channels_last(image: Pixels) -> Pixels:
    return np.moveaxis(image, 0, 2) if image.shape[0] in (1, 3, 4) else image
