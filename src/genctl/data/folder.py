"""A folder or ZIP of images as one array."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import islice
from pathlib import Path, PurePath
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from genctl.data import decode
from genctl.data.image_source import ImageSource, safe_name
from genctl.data.listing import NAMED, Listing, class_names, labels_of, list_splits, no_images
from genctl.errors import ExitStatus, GenctlError

THREADS = min(8, os.cpu_count() or 1)
"""Pillow decodes without the interpreter's lock."""

MOST_UNREADABLE = 0.05
"""Of all images, but one in any case: more damage is mended by the person who owns them."""

T = TypeVar("T")


class _Probe(NamedTuple):
    """What must be known of every file before one array for all of them can be made."""

    size: tuple[int, int]
    channels: int


def read_folder(
    root: Path, *, split: str, size: tuple[int, int] | None, channels: int | None
) -> ImageSource:
    """Every image under ``root``, a folder or a ZIP, in natural order of the paths.

    When ``root`` holds the folders ``train`` and ``test``, a split is one of the two; else all of
    it is ``train``. A file of labels gives the classes (see `read_labels`); else each first-level
    sub-folder is one, if there are at least two and no image lies beside them. The source has one
    channel if all images are grey, four if alpha is below 255 anywhere, else three.

    Args:
        split: ``train`` or ``test``.
        size: (height, width) to crop and resize to; with None all images must be of one size.
        channels: 1, 3 or 4 to convert to; with None what is found decides.

    Raises:
        GenctlError: (DATA) no images, no such split, several sizes, or too many unreadable files.
    """
    listings = list_splits(root)
    listing = listing_of(listings, split, root)
    images, files, skipped = _read_images(listing, size, channels)
    names = class_names(listings.values())
    return ImageSource(
        images=images,
        labels=labels_of(listing, files, names),
        class_names=names,
        name=place_name(root),
        split=split,
        skipped=skipped,
        ignored=listing.others.total(),
    )


def listing_of(listings: dict[str, Listing], split: str, root: Path) -> Listing:
    """The images of a split.

    Raises:
        GenctlError: (DATA) no such split, or no images.
    """
    if split not in listings:
        raise GenctlError(
            ExitStatus.DATA,
            f"{root} has no test split, because it does not hold the folders 'train' and 'test'",
            hint="name a folder of held-out images itself",
        )
    if not listings[split].images:
        raise no_images(listings[split])
    return listings[split]


def place_name(root: Path) -> str:
    """What a folder or ZIP is called."""
    path = root.resolve()
    return safe_name(path.stem if path.suffix.lower() == ".zip" else path.name)


def _read_images(
    listing: Listing, size: tuple[int, int] | None, channels: int | None
) -> tuple[npt.NDArray[np.uint8], list[PurePath], tuple[str, ...]]:
    """The pixels, the file behind each row, and a line for each file that gave none."""

    def probe(path: PurePath) -> _Probe:
        with decode.open_image(listing.file(path)) as image:
            return _Probe(size or decode.upright_size(image), channels or decode.channels_of(image))

    def fill_row(path: PurePath) -> None:
        with decode.open_image(listing.file(path)) as image:
            pixels[rows[path]] = decode.to_array(image, size=size, channels=depth)

    with decode.strict_decoding(), ThreadPoolExecutor(THREADS) as pool:
        probes, unreadable = _try_each(pool, probe, listing.images)
        _refuse_damage(listing, unreadable)
        rows = {path: row for row, path in enumerate(probes)}
        depth = max(probe.channels for probe in probes.values())
        pixels = np.empty((len(rows), *_common_size(listing.place, probes), depth), np.uint8)
        filled, broken = _try_each(pool, fill_row, rows)
    unreadable |= broken
    _refuse_damage(listing, unreadable)
    if broken:
        pixels = pixels[[rows[path] for path in filled]]
    return pixels, list(filled), tuple(_lines(unreadable))


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
    (first, (size, _)), *others = probes.items()
    for path, (other, _) in others:
        if other != size:
            raise GenctlError(
                ExitStatus.DATA,
                f"images of several sizes in {place}: {first.as_posix()} is {_text(size)}, "
                f"{path.as_posix()} is {_text(other)} (height x width)",
                hint="--set data.size=64 crops and resizes all of them",
            )
    return size


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _refuse_damage(listing: Listing, unreadable: dict[PurePath, str]) -> None:
    """Go on without a few files, but not when there are many of them."""
    bad, all_of_them = len(unreadable), len(listing.images)
    if not bad or bad <= max(1, MOST_UNREADABLE * all_of_them) < all_of_them:
        return
    named = "; ".join(islice(_lines(unreadable), NAMED))
    more = f"; and {bad - NAMED} more" if bad > NAMED else ""
    raise GenctlError(
        ExitStatus.DATA,
        f"cannot read {bad} of {all_of_them} images in {listing.place}: {named}{more}",
        hint=f"genctl data clean {listing.place} --out DIR leaves them out",
    )


def _lines(unreadable: dict[PurePath, str]) -> Iterable[str]:
    return (f"{path.as_posix()}: {why}" for path, why in unreadable.items())
