"""A folder of images: what lies in it, which classes its sub-folders make, and the pixels."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from genctl.data import decode
from genctl.data.image_source import ImageSource, safe_name
from genctl.data.order import natural, natural_text
from genctl.errors import ExitStatus, GenctlError

SPLITS = ("train", "test")
_THREADS = min(8, os.cpu_count() or 1)  # Pillow decodes without the interpreter's lock
_NAMED = 3  # how many of many files a message names

T = TypeVar("T")


@dataclass(frozen=True)
class _Listing:
    """The image files under ``root``, in natural order, and the kinds of all other files."""

    root: Path
    images: tuple[Path, ...]
    others: Counter[str]


class _Probe(NamedTuple):
    """What must be known of every file before one array for all of them can be made."""

    size: tuple[int, int]
    channels: int


def read_folder(
    root: Path, *, split: str, size: tuple[int, int] | None, channels: int | None
) -> ImageSource:
    """Every image under ``root``, in natural order of the paths.

    When ``root`` holds the folders ``train`` and ``test``, a split is one of the two; else all of
    it is ``train``. Each first-level sub-folder is a class, if there are at least two and no image
    lies beside them. The source has one channel if all images are grey, four if alpha is below
    255 anywhere, else three.

    Args:
        split: ``train`` or ``test``.
        size: (height, width) to crop and resize to; with None all images must be of one size.
        channels: 1, 3 or 4 to convert to; with None what is found decides.

    Raises:
        GenctlError: (DATA) no images, no such split, several sizes, or too many unreadable files.
    """
    listings = _list_splits(root)
    if split not in listings:
        raise GenctlError(
            ExitStatus.DATA,
            f"{root} has no test split, because it does not hold the folders 'train' and 'test'",
            hint="name a folder of held-out images itself",
        )
    listing = listings[split]
    if not listing.images:
        raise _no_images(listing)
    images, files, skipped = _read_images(listing, size, channels)
    class_names = _class_names(listings.values())
    numbers = {name: number for number, name in enumerate(class_names)}
    labels = np.array([numbers[_top(path)] for path in files]) if class_names else None
    return ImageSource(
        images=images,
        labels=labels,
        class_names=class_names,
        name=safe_name(root.resolve().name),
        split=split,
        skipped=skipped,
        ignored=listing.others.total(),
    )


def has_test_split(root: Path) -> bool:
    """Whether ``root`` is laid out as the folders ``train`` and ``test``."""
    return all(os.path.isdir(root / split) for split in SPLITS)


def _list_splits(root: Path) -> dict[str, _Listing]:
    if has_test_split(root):
        return {split: _list_files(root / split) for split in SPLITS}
    return {"train": _list_files(root)}


def _list_files(root: Path) -> _Listing:
    images: list[Path] = []
    others: Counter[str] = Counter()
    visited: set[str] = set()  # linked folders are followed, and may lead in a circle

    def complain(error: OSError) -> None:
        raise GenctlError(
            ExitStatus.DATA,
            f"cannot read the folder {error.filename}: {error.strerror}",
            hint="allow yourself to read it, or name another folder",
        )

    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=complain):
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = [name for name in subfolders if not _hidden(name)]
        for name in files:
            path = Path(folder, name).relative_to(root)
            suffix = path.suffix.lower()
            if suffix in decode.SUFFIXES and not _hidden(name):
                images.append(path)
            else:
                others[suffix or name] += 1
    return _Listing(root, tuple(sorted(images, key=natural)), others)


def _hidden(name: str) -> bool:
    """What systems leave behind, such as macOS's ``._1.png``, which holds no image."""
    return name.startswith(".") or name == "__MACOSX"


def _class_names(listings: Iterable[_Listing]) -> tuple[str, ...]:
    paths = [path for listing in listings for path in listing.images]
    if any(len(path.parts) == 1 for path in paths):
        return ()
    names = sorted({_top(path) for path in paths}, key=natural_text)
    return tuple(names) if len(names) > 1 else ()


def _top(path: Path) -> str:
    return unicodedata.normalize("NFC", path.parts[0])


def _read_images(
    listing: _Listing, size: tuple[int, int] | None, channels: int | None
) -> tuple[npt.NDArray[np.uint8], list[Path], tuple[str, ...]]:
    """The pixels, the file behind each row, and a line for each file that gave none."""

    def probe(path: Path) -> _Probe:
        with decode.open_image(listing.root / path) as image:
            return _Probe(size or decode.upright_size(image), channels or decode.channels_of(image))

    def fill_row(path: Path) -> None:
        with decode.open_image(listing.root / path) as image:
            pixels[rows[path]] = decode.to_array(image, size=size, channels=depth)

    with decode.strict_decoding(), ThreadPoolExecutor(_THREADS) as pool:
        probes, unreadable = _try_each(pool, probe, listing.images)
        _refuse_damage(listing, unreadable)
        rows = {path: row for row, path in enumerate(probes)}
        depth = max(probe.channels for probe in probes.values())
        pixels = np.empty((len(rows), *_common_size(listing.root, probes), depth), np.uint8)
        filled, broken = _try_each(pool, fill_row, rows)
    unreadable |= broken
    _refuse_damage(listing, unreadable)
    if broken:
        pixels = pixels[[rows[path] for path in filled]]
    return pixels, list(filled), tuple(_lines(unreadable))


def _try_each(
    pool: Executor, read: Callable[[Path], T], paths: Iterable[Path]
) -> tuple[dict[Path, T], dict[Path, str]]:
    """What ``read`` returned for each path, and for the unreadable ones the reason."""

    def attempt(path: Path) -> tuple[Path, T | Exception]:
        try:
            return path, read(path)
        except decode.UNREADABLE as error:
            return path, error

    returned: dict[Path, T] = {}
    unreadable: dict[Path, str] = {}
    for path, outcome in pool.map(attempt, paths):
        if isinstance(outcome, Exception):
            unreadable[path] = decode.reason(outcome)
        else:
            returned[path] = outcome
    return returned, unreadable


def _common_size(root: Path, probes: dict[Path, _Probe]) -> tuple[int, int]:
    (first, (size, _)), *others = probes.items()
    for path, (other, _) in others:
        if other != size:
            raise GenctlError(
                ExitStatus.DATA,
                f"images of several sizes in {root}: {first.as_posix()} is {_text(size)}, "
                f"{path.as_posix()} is {_text(other)} (height x width)",
                hint="--set data.size=64 crops and resizes all of them",
            )
    return size


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _refuse_damage(listing: _Listing, unreadable: dict[Path, str]) -> None:
    """Go on without a few files, but not when it is most of them."""
    bad, all_of_them = len(unreadable), len(listing.images)
    if bad * 2 <= all_of_them:
        return
    named = "; ".join(islice(_lines(unreadable), _NAMED))
    more = f"; and {bad - _NAMED} more" if bad > _NAMED else ""
    raise GenctlError(
        ExitStatus.DATA,
        f"cannot read {bad} of {all_of_them} images in {listing.root}: {named}{more}",
        hint="replace or delete the damaged files, then run the command again",
    )


def _lines(unreadable: dict[Path, str]) -> Iterable[str]:
    return (f"{path.as_posix()}: {why}" for path, why in unreadable.items())


def _no_images(listing: _Listing) -> GenctlError:
    kinds = sorted(listing.others.items(), key=lambda kind: (-kind[1], kind[0].casefold()))
    named = [f"{count} {kind}" for kind, count in kinds[:_NAMED]]
    named += ["..."] if len(kinds) > _NAMED else []
    why = f"only other files ({', '.join(named)})" if named else "the folder is empty"
    return GenctlError(
        ExitStatus.DATA,
        f"no images in {listing.root}: {why}",
        hint=f"images are files ending in {', '.join(decode.SUFFIXES)}",
    )
