"""A folder or ZIP of images as one array."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from genctl.data.images import decode
from genctl.data.images.source import ImageSource
from genctl.data.images.sources.decode_cache import Decoded, decode_to, place_of_set, read_decoded
from genctl.data.images.sources.listing import Listing, class_names, labels_of
from genctl.data.images.sources.splits import list_splits, listing_of, splits_in_words
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion
from genctl.files import safe_name
from genctl.wording import some_of

THREADS = min(8, os.cpu_count() or 1)
"""Threads help because Pillow decodes without the interpreter's lock."""

MOST_UNREADABLE = 0.05
"""Maximum share of unreadable images; one is always tolerated."""

T = TypeVar("T")


class _Probe(NamedTuple):
    """Facts about every file that are needed to allocate one array for all."""

    size: tuple[int, int]
    channels: int
    brightest: int | None


def read_folder(
    root: Path, *, split: str, size: tuple[int, int] | None, channels: int | None
) -> ImageSource:
    """Every image under ``root``, a folder or a ZIP, in natural order of the paths.

    Splits are found by the usual names of folders (see `list_splits`); otherwise all of it is
    ``train``. A file of labels gives the classes (see `read_labels`); otherwise each first-level
    sub-folder is a class, if there are at least two and no more than a few images lie beside them.
    The source has one channel if all images are grey, four if alpha is below 255 anywhere, or
    three.

    Args:
        split: ``train`` or ``test``.
        size: (height, width) to crop and resize to; with None all images must be of one size.
        channels: 1, 3 or 4 to convert to; None derives them from the images.

    Raises:
        GenctlError: (DATA) no images, no such split, several sizes, or too many unreadable files.
    """
    listings = list_splits(root)
    train = _source(root, listings, split, size, channels)
    if split == "test" or "test" not in listings:
        return train
    # The channels of the training images, even if the held-out images alone would have others.
    wanted = train.images.shape[3]
    # Listed again, as a listing keeps its ZIP open.
    return replace(train, held_out=lambda: _source(root, list_splits(root), "test", size, wanted))


def _source(
    root: Path,
    listings: Mapping[str, Listing],
    split: str,
    size: tuple[int, int] | None,
    channels: int | None,
) -> ImageSource:
    listing = listing_of(listings, split, root)
    decoded = _read_images(listing, size, channels)
    files = [PurePosixPath(file) for file in decoded.files]
    names = class_names(listings.values())
    return ImageSource(
        images=decoded.pixels,
        labels=labels_of(listing, files, names),
        class_names=names,
        name=place_name(root),
        split=split,
        skipped=decoded.skipped,
        left_out=dict(listing.left_out),
        splits=splits_in_words(listings),
        notes=(*listing.notes, *([decoded.doubt] if decoded.doubt else [])),
    )


def place_name(root: Path) -> str:
    """The name of a folder or ZIP."""
    path = root.resolve()
    return safe_name(path.stem if path.suffix.lower() == ".zip" else path.name)


def _read_images(listing: Listing, size: tuple[int, int] | None, channels: int | None) -> Decoded:
    stamps = map(listing.stamp, listing.images)
    place = place_of_set(listing.place, stamps, size, channels)
    return read_decoded(place) or _decode(listing, size, channels, place)


def _decode(
    listing: Listing, size: tuple[int, int] | None, channels: int | None, place: Path
) -> Decoded:
    def probe(path: PurePath) -> _Probe:
        with decode.open_image(listing.file(path)) as image:
            return _Probe(
                size or decode.upright_size(image),
                channels or decode.channels_of(image),
                decode.brightest(image),
            )

    def fill(pixels: npt.NDArray[np.uint8]) -> tuple[list[int], list[str], list[str]]:
        def fill_row(path: PurePath) -> None:
            with decode.open_image(listing.file(path)) as image:
                pixels[rows[path]] = decode.to_array(image, size=size, channels=depth)

        filled, broken = _try_each(pool, fill_row, rows)
        bad = unreadable | broken
        _refuse_damage(listing, bad)
        return [rows[path] for path in filled], [p.as_posix() for p in filled], [*_lines(bad)]

    with decode.strict_decoding(), ThreadPoolExecutor(THREADS) as pool:
        probes, unreadable = _try_each(pool, probe, listing.images)
        _refuse_damage(listing, unreadable)
        rows = {path: row for row, path in enumerate(probes)}
        depth = max(probe.channels for probe in probes.values())
        shape = (len(rows), *_common_size(listing.place, probes), depth)
        doubt = decode.doubt_of_depth(probe.brightest for probe in probes.values())
        return replace(decode_to(place, shape, fill), doubt=doubt)


def _try_each(
    pool: Executor, read: Callable[[PurePath], T], paths: Iterable[PurePath]
) -> tuple[dict[PurePath, T], dict[PurePath, str]]:
    """What ``read`` returned for each path, and for the unreadable ones the reason."""

    def attempt(path: PurePath) -> tuple[PurePath, T | Exception]:
        try:
            return path, read(path)
        except decode.UNREADABLE as error:
            return path, error

    returned: dict[PurePath, T] = {}
    unreadable: dict[PurePath, str] = {}
    for path, outcome in pool.map(attempt, paths):
        if isinstance(outcome, Exception):
            unreadable[path] = decode.reason(outcome)
        else:
            returned[path] = outcome
    return returned, unreadable


def _common_size(place: str, probes: dict[PurePath, _Probe]) -> tuple[int, int]:
    (first, (size, *_)), *others = probes.items()
    for path, (other, *_) in others:
        if other != size:
            raise GenctlError(
                ExitStatus.DATA,
                f"images of several sizes in {place}: {first.as_posix()} is {_text(size)}, "
                f"{path.as_posix()} is {_text(other)} (height x width)",
                option="data.size",
                suggest=Suggestion("", {"data.size": 64}, "crops and resizes all of them"),
            )
    return size


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _refuse_damage(listing: Listing, unreadable: dict[PurePath, str]) -> None:
    """Continue without a few files, but raise an error if there are many of them."""
    bad, all_of_them = len(unreadable), len(listing.images)
    if not too_many_unreadable(bad, all_of_them):
        return
    raise GenctlError(
        ExitStatus.DATA,
        f"cannot read {bad} of {all_of_them} images in {listing.place}: "
        f"{some_of(_lines(unreadable))}",
        suggest=cleaning(listing.place),
    )


def too_many_unreadable(bad: int, total: int) -> bool:
    """Whether training refuses a set with this number of unreadable images."""
    return bad > 0 and (bad > max(1, MOST_UNREADABLE * total) or bad == total)


def cleaning(place: str) -> Suggestion:
    """The command that removes damaged images."""
    options = {"out": Placeholder("FOLDER")}
    return Suggestion("data clean", options, "leaves them out", args=(place,))


def _lines(unreadable: dict[PurePath, str]) -> Iterable[str]:
    return (f"{path.as_posix()}: {why}" for path, why in unreadable.items())
