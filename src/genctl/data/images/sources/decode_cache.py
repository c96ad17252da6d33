"""Decoded images kept on disk and mapped into memory, so that a large set is decoded once.

A set that takes more than `LEAST_BYTES` after decoding is kept in the cache. Its key consists of
the names, sizes and times of its files and of the options of decoding. Training reads rows when
it needs them, and the operating system decides which of them stay in memory.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genctl import documents
from genctl.errors import ExitStatus, GenctlError
from genctl.files import cache_folder, staged, write_json

LEAST_BYTES = 2**28
_PIXELS, _INDEX = "pixels.npy", "index.json"

Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class Decoded:
    """Images of one shape.

    Attributes:
        pixels: ``(N, H, W, C) uint8``; memory-mapped from a file for a large set.
        files: the file behind each row.
        skipped: files that gave no row, as ``path: reason``.
    """

    pixels: npt.NDArray[np.uint8]
    files: tuple[str, ...]
    skipped: tuple[str, ...]


Fill = Callable[[npt.NDArray[np.uint8]], tuple[Sequence[int], Sequence[str], Sequence[str]]]
"""Fills an array; returns the good rows in order, their files, and a line for each other file."""


def place_of_set(stamps: Sequence[str], *wanted: object) -> Path:
    """Where the decoded images of files with these stamps are kept.

    Args:
        stamps: name, size and time of each file.
        wanted: the options of decoding.
    """
    digest = hashlib.sha256(repr(wanted).encode())
    for stamp in stamps:
        digest.update(b"\n" + stamp.encode())
    return cache_folder() / "decoded" / digest.hexdigest()[:32]


def read_decoded(place: Path) -> Decoded | None:
    """The decoded images at ``place``; None if they are absent or incomplete."""
    try:
        index = documents.parse((place / _INDEX).read_text("utf-8"))
        # Copy-on-write: no mistake in memory can reach the file.
        pixels = np.load(place / _PIXELS, mmap_mode="c", allow_pickle=False)
        files = tuple(index["files"])
        if pixels.dtype != np.uint8 or len(pixels) < len(files):
            return None
        return Decoded(pixels[: len(files)], files, tuple(index["skipped"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def decode_to(place: Path, shape: Shape, fill: Fill) -> Decoded:
    """Decode into memory; a large set goes into a file at ``place``, if that can be written."""
    if math.prod(shape) >= LEAST_BYTES:
        try:
            return _mapped(place, shape, fill)
        except GenctlError as error:
            if error.code is not ExitStatus.FAILURE:  # the images are at fault, not the disk
                raise
    pixels = np.empty(shape, np.uint8)
    files, skipped = _filled(pixels, fill)
    return Decoded(pixels[: len(files)], files, skipped)


def _mapped(place: Path, shape: Shape, fill: Fill) -> Decoded:
    with staged(place) as stage:
        mapped = np.lib.format.open_memmap(stage / _PIXELS, mode="w+", dtype=np.uint8, shape=shape)
        files, skipped = _filled(mapped, fill)
        mapped.flush()
        index = {"files": files, "skipped": skipped}
        write_json(stage / _INDEX, index)
    found = read_decoded(place)
    assert found is not None
    return found


def _filled(pixels: npt.NDArray[np.uint8], fill: Fill) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fill the array, and close the gaps of rows that could not be read."""
    rows, files, skipped = fill(pixels)
    for target, row in enumerate(rows):
        if target != row:
            pixels[target] = pixels[row]
    return tuple(files), tuple(skipped)
