"""Image files of a folder or ZIP as a stream, decoded ahead in threads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import groupby
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from genctl.data.findings import left_out
from genctl.data.images import decode
from genctl.data.images.sources.folder import THREADS, cleaning, place_name
from genctl.data.images.sources.listing import Listing, class_names, labels_of
from genctl.data.images.sources.splits import list_splits, listing_of
from genctl.data.images.stream import ImagePass, ImageStream, Pixels, batched
from genctl.errors import ExitStatus, GenctlError
from genctl.wording import some_of

MOST_UNREADABLE = 0.01
"""Maximum share of unreadable files: a score of a set with more would not be meaningful."""


class _Decoded(NamedTuple):
    pixels: Pixels
    jpeg: bool
    deep: bool


class FileStream(ImageStream):
    """Every image under a folder or in a ZIP, each in its own size and depth.

    Raises:
        GenctlError: (DATA) no images, no such split, or a ZIP that is damaged or hostile.
    """

    def __init__(self, root: Path, split: str = "train") -> None:
        self._root, self.split = root, split
        listings = list_splits(root)
        self._has_test = len(listings) > 1
        self._listing = listing_of(listings, split, root)
        self.name, self.count = place_name(root), len(self._listing.images)
        self.class_names = class_names(listings.values())
        self.labels = labels_of(self._listing, self._listing.images, self.class_names)

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of the files' bytes, in order, and of the classes."""
        digest = hashlib.sha256("\n".join(self.class_names).encode())
        if self.labels is not None:
            digest.update(self.labels.astype("<i8").tobytes())
        for path in self._listing.images:
            digest.update(_digest(self._listing, path))
        return digest.hexdigest()

    def read(self, rows: Sequence[int]) -> ImagePass:
        """Decode one batch ahead; unreadable files are skipped and named.

        Raises:
            GenctlError: (DATA) at the end of the pass, more than `MOST_UNREADABLE` of them.
        """
        gone = left_out(self._listing.left_out, (), self.count)
        reading = ImagePass(left_out=gone)
        reading.batches = self._batches(rows, reading)
        return reading

    def pick(self, rows: Sequence[int]) -> list[Pixels]:
        """Decode one by one."""
        with decode.strict_decoding():
            return [_decode(self._listing, self._listing.images[row]).pixels for row in rows]

    def held_out(self) -> ImageStream | None:
        """The folder ``test`` beside ``train``."""
        return FileStream(self._root, "test") if self._has_test and self.split == "train" else None

    def _batches(self, rows: Sequence[int], reading: ImagePass) -> Iterator[Pixels]:
        with decode.strict_decoding(), ThreadPoolExecutor(THREADS) as pool:
            chunks = list(batched(rows))
            ahead = [pool.submit(self._attempt, row) for row in chunks[0]] if chunks else []
            for number, chunk in enumerate(chunks):
                now, following = ahead, chunks[number + 1 : number + 2]
                ahead = [pool.submit(self._attempt, row) for part in following for row in part]
                found = [future.result() for future in now]
                yield from self._sorted_out(chunk, found, reading)
        self._refuse_damage(len(rows), reading.unreadable)

    def _sorted_out(
        self, rows: Sequence[int], found: Sequence[_Decoded | str], reading: ImagePass
    ) -> Iterator[Pixels]:
        """Arrays of consecutive images of one shape; ``reading`` collects facts about the files."""
        good = []
        for row, outcome in zip(rows, found, strict=True):
            if isinstance(outcome, str):
                reading.unreadable.append(f"{self._listing.images[row].as_posix()}: {outcome}")
                continue
            reading.rows.append(row)
            reading.jpegs += outcome.jpeg
            reading.deep += outcome.deep
            good.append(outcome.pixels)
        for _, run in groupby(good, key=lambda pixels: pixels.shape):
            yield np.stack(list(run))

    def _attempt(self, row: int) -> _Decoded | str:
        try:
            return _decode(self._listing, self._listing.images[row])
        except decode.UNREADABLE as error:
            return decode.reason(error)

    def _refuse_damage(self, count: int, unreadable: Sequence[str]) -> None:
        if len(unreadable) > MOST_UNREADABLE * count:
            raise GenctlError(
                ExitStatus.DATA,
                f"cannot read {len(unreadable)} of {count} images in {self._listing.place}: "
                f"{some_of(unreadable)}",
                hint="replace or delete the damaged files",
                suggest=cleaning(self._listing.place),
            )


def _decode(listing: Listing, path: PurePath) -> _Decoded:
    with decode.open_image(listing.file(path)) as image:
        deep = image.mode.startswith("I;16")
        jpeg = image.format == "JPEG"
        pixels = decode.to_array(image, size=None, channels=decode.channels_of(image))
    return _Decoded(pixels, jpeg, deep)


def _digest(listing: Listing, path: PurePath) -> bytes:
    try:
        with listing.file(path).open("rb") as file:
            return hashlib.sha256(file.read()).digest()
    except OSError as error:
        return decode.reason(error).encode()
