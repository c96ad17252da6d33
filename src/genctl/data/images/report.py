"""A survey of image files before training: sizes, depths, damage, copies and classes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePath, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from genctl.data.images import decode
from genctl.data.images.source import ImageSource
from genctl.data.images.sources.captions import Captions, read_caption
from genctl.data.images.sources.folder import THREADS
from genctl.data.images.sources.listing import Listing

_GRID = 16
NEAR_BITS = 8
"""The maximum number of differing brightness steps, of 256, between nearly equal images."""

_NEAR_SHARE = 0.1
"""The same limit as a share of the steps in either image: drawings on white have few steps."""

_PIECES = NEAR_BITS + 1
_LEAST_STEPS, _LEAST_SIDE = 16, 32
"""Flat images and tiny ones, such as digits, look nearly equal to others without being copies."""

_CROWDED = 200
"""Pieces that are shared by more images than this are common and say nothing about copies."""


@dataclass(frozen=True)
class FileFacts:
    """One image file.

    Attributes:
        path: the path within its place.
        height, width: after rotation to upright.
        format, mode: Pillow's names.
        channels: 1 grey, 3 colour, 4 with alpha in use.
        frames: the number of frames of an animation; only the first is used.
        turned: whether the camera's tag turns it.
        brightest: the highest level of an image of 16 bits; None for others.
        digest: the same for files with equal pixels.
        steps: (256,) bool, where brightness rises from one cell of a 16x16 grid to the next.
    """

    path: PurePath
    height: int
    width: int
    format: str
    mode: str
    channels: int
    frames: int
    turned: bool
    brightest: int | None
    digest: bytes
    steps: npt.NDArray[np.bool_]

    @property
    def deep(self) -> bool:
        """Whether it has 16 bits per channel, of which 8 are used."""
        return self.mode.startswith("I;16")


@dataclass(frozen=True)
class ImageReport:
    """The image files of a place.

    Attributes:
        files: the readable files, in order.
        unreadable: path -> why.
        left_out: kinds of files that are not read -> how many.
        classes: class -> how many of ``files``; empty where there are none.
        captions: captions of ``files`` that have one.
        no_captions: those of ``files`` whose caption cannot be read, is not UTF-8 or too long.
        notes: what to know about how the place was read, one line each.
        rows: the place of each of ``files`` among all images.
        folder: the name of the split where it was found.
    """

    files: Sequence[FileFacts]
    unreadable: Mapping[PurePath, str]
    left_out: Mapping[str, int]
    classes: Mapping[str, int]
    captions: Captions
    no_captions: Collection[PurePath] = ()
    notes: Sequence[str] = ()
    rows: Sequence[int] = ()
    folder: str = ""

    @property
    def sizes(self) -> Counter[tuple[int, int]]:
        """(height, width) -> how many files."""
        return Counter((file.height, file.width) for file in self.files)

    def copies(self) -> list[list[FileFacts]]:
        """Groups of files with equal pixels, the first of each group first."""
        groups: dict[bytes, list[FileFacts]] = {}
        for file in self.files:
            groups.setdefault(file.digest, []).append(file)
        return [group for group in groups.values() if len(group) > 1]

    def near_copies(self) -> list[tuple[FileFacts, FileFacts]]:
        """Pairs that look alike and differ in pixels (a difference hash of 256 bits)."""
        first = {file.digest: file for file in reversed(self.files)}
        kept = [file for file in self.files if first[file.digest] is file and _varied(file)]
        return list(_near_pairs(kept))


def survey(listing: Listing, classes: Mapping[PurePath, str]) -> ImageReport:
    """Read every image file of ``listing``.

    Args:
        classes: the classes of the images that have one.
    """

    def attempt(path: PurePath) -> FileFacts | str:
        try:
            return _facts(listing, path)
        except decode.UNREADABLE as error:
            return decode.reason(error)

    with decode.strict_decoding(), ThreadPoolExecutor(THREADS) as pool:
        outcomes = dict(zip(listing.images, pool.map(attempt, listing.images), strict=True))
    files = [found for found in outcomes.values() if isinstance(found, FileFacts)]
    unreadable = {path: why for path, why in outcomes.items() if isinstance(why, str)}
    counted = Counter(classes[file.path] for file in files if file.path in classes)
    captions = listing.captions() if listing.captions else {}
    read = {f.path: read_caption(captions[f.path]) for f in files if f.path in captions}
    kept = {path: text for path, text in read.items() if text is not None}
    refused = {path: None for path, text in read.items() if text is None}
    rows = [row for row, found in enumerate(outcomes.values()) if isinstance(found, FileFacts)]
    gone, notes = listing.left_out, listing.notes
    return ImageReport(files, unreadable, gone, counted, kept, refused, notes, rows, listing.folder)


def survey_source(source: ImageSource) -> ImageReport:
    """The same survey for images in memory, which are named by their numbers."""
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[source.images.shape[3]]
    files = [
        _described(PurePosixPath(str(number)), image, "array", mode)
        for number, image in enumerate(source.images)
    ]
    labels = [] if source.labels is None else source.labels.tolist()
    counted = Counter(source.class_names[label] for label in labels)
    captions = {file.path: text for file, text in zip(files, source.captions, strict=False)}
    return ImageReport(files, {}, {}, counted, captions, rows=range(len(files)))


def shared(one: ImageReport, other: ImageReport) -> list[tuple[FileFacts, FileFacts]]:
    """Files of ``one`` whose pixels ``other`` has too, each with the first such file there."""
    known = {file.digest: file for file in reversed(other.files)}
    return [(file, known[file.digest]) for file in one.files if file.digest in known]


def _facts(listing: Listing, path: PurePath) -> FileFacts:
    with decode.open_image(listing.file(path)) as image:
        form, mode = image.format or "", image.mode
        frames = getattr(image, "n_frames", 1)
        upright = decode.upright_size(image)
        turned = upright != (image.height, image.width)
        brightest = decode.brightest(image)
        pixels = decode.to_array(image, size=None, channels=decode.channels_of(image))
    return _described(path, pixels, form, mode, frames, turned, brightest)


def _described(
    path: PurePath,
    pixels: npt.NDArray[np.uint8],
    form: str,
    mode: str,
    frames: int = 1,
    turned: bool = False,
    brightest: int | None = None,
) -> FileFacts:
    height, width, channels = pixels.shape
    digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
    return FileFacts(
        path, height, width, form, mode, channels, frames, turned, brightest, digest, _steps(pixels)
    )


def _steps(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where brightness rises along the rows of a small version of the image."""
    grey = pixels[..., :3].mean(2).astype(np.uint8)
    small = Image.fromarray(grey).resize((_GRID + 1, _GRID), Image.Resampling.BOX)
    levels = np.asarray(small).astype(np.int16)
    return (np.diff(levels, axis=1) > 2).reshape(-1)


def _varied(file: FileFacts) -> bool:
    large = min(file.height, file.width) >= _LEAST_SIDE
    return large and int(file.steps.sum()) >= _LEAST_STEPS


def _near_pairs(files: Sequence[FileFacts]) -> Iterator[tuple[FileFacts, FileFacts]]:
    """Pairs at most `NEAR_BITS` apart; they share at least one of `NEAR_BITS` + 1 pieces."""
    buckets: dict[tuple[int, bytes], list[int]] = {}
    for number, file in enumerate(files):
        for place, piece in enumerate(np.array_split(file.steps, _PIECES)):
            if not piece.any():
                continue  # flat parts occur in images of all kinds
            buckets.setdefault((place, piece.tobytes()), []).append(number)
    seen: set[tuple[int, int]] = set()
    for numbers in buckets.values():
        if len(numbers) > _CROWDED:
            continue
        for pair in combinations(numbers, 2):
            if pair in seen:
                continue
            seen.add(pair)
            one, two = (files[number] for number in pair)
            differing = int((one.steps != two.steps).sum())
            if differing <= min(NEAR_BITS, _NEAR_SHARE * int((one.steps | two.steps).sum())):
                yield one, two
