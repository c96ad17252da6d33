"""Decoded images kept on disk and mapped into memory, so that a large set is decoded once.

A set that takes more than `LEAST_BYTES` after decoding is kept in the cache. Its key consists of
its place, the names, sizes and times of its files, and the options of decoding. Training reads
rows when it needs them, and the operating system decides which of them stay in memory.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genctl import documents
from genctl.errors import ExitStatus, GenctlError
from genctl.files import cache_folder, write_json
from genctl.staging import staged

LEAST_BYTES = 2**28
FORMAT = 2
"""The version of the key and of the files in the cache."""

_PIXELS, _INDEX = "pixels.npy", "index.json"

Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class Decoded:
    """Images of one shape.

    Attributes:
        pixels: ``(N, H, W, C) uint8``; memory-mapped from a file for a large set.
        files: the file behind each row.
        skipped: files that gave no row, as ``path: reason``.
        doubt: what was odd when they were decoded, in one line; empty otherwise.
    """

    pixels: npt.NDArray[np.uint8]
    files: tuple[str, ...]
    skipped: tuple[str, ...]
    doubt: str = ""


Fill = Callable[[npt.NDArray[np.uint8]], tuple[Sequence[int], Sequence[str], Sequence[str]]]
"""Fills an array; returns the good rows in order, their files, and a line for each other file."""


def place_of_set(root: str, stamps: Iterable[str], *wanted: object) -> Path:
    """Where the decoded images of files with these stamps are kept.

    Args:
        root: the folder or ZIP of the files; other files may have the same stamps elsewhere.
        stamps: name, size and time of each file.
        wanted: the options of decoding.
    """
    digest = hashlib.sha256(repr((FORMAT, *wanted)).encode())
    digest.update(b"\n" + os.fsencode(os.path.realpath(root)))
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
    """Decode into memory, or a large set into a file at ``place``.

    A large set that fits into half of the free memory is decoded there if the file cannot be
    written.

    Raises:
        GenctlError: the set fits neither into memory nor into the cache.
    """
    size = math.prod(shape)
    if size >= LEAST_BYTES:
        try:
            return _mapped(place, shape, fill)
        except GenctlError as error:
            if error.code is not ExitStatus.FAILURE:  # the images are at fault, not the disk
                raise
            if 2 * size > free_memory():
                raise GenctlError(
                    ExitStatus.FAILURE,
                    f"the decoded images take {size / 2**30:.1f} GiB, which is too much for the "
                    f"free memory, and the cache cannot hold them: {error}",
                    hint="set GENCTL_CACHE to a folder on a disk with more space",
                ) from None
    pixels = np.empty(shape, np.uint8)
    files, skipped = _filled(pixels, fill)
    return Decoded(pixels[: len(files)], files, skipped)


def free_memory() -> int:
    """Bytes of memory that Linux calls available; no limit on other systems."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return (
            next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024
        )
    except (OSError, ValueError):
        return sys.maxsize


def _mapped(place: Path, shape: Shape, fill: Fill) -> Decoded:
    with staged(place, existing="replace") as stage:
        _reserve(stage / "space", math.prod(shape))
        mapped = np.lib.format.open_memmap(stage / _PIXELS, mode="w+", dtype=np.uint8, shape=shape)
        files, skipped = _filled(mapped, fill)
        mapped.flush()
        index = {"files": files, "skipped": skipped}
        write_json(stage / _INDEX, index)
    found = read_decoded(place)
    assert found is not None
    return found


def _reserve(path: Path, size: int) -> None:
    """Take ``size`` bytes of the disk and free them: a mapped file on a full disk ends the process.

    Raises:
        OSError: the disk has not that much space.
    """
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
    path.unlink()


def _filled(pixels: npt.NDArray[np.uint8], fill: Fill) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fill the array, and close the gaps of rows that could not be read."""
    rows, files, skipped = fill(pixels)
    for target, row in enumerate(rows):
        if target != row:
            pixels[target] = pixels[row]
    return tuple(files), tuple(skipped)
