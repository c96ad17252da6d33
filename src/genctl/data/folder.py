"""A folder of images: what lies in it, which classes its sub-folders make, and the pixels."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genctl.data import decode
from genctl.data.image_source import ImageSource, safe_name
from genctl.errors import ExitStatus, GenctlError

_THREADS = min(8, os.cpu_count() or 1)  # Pillow decodes without holding the interpreter's lock
_NAMED = 3  # how many of many files a message names


@dataclass(frozen=True)
class _Listing:
    """The image files under ``root`` in natural order, and the suffixes of all the others."""

    root: Path
    images: tuple[Path, ...]
    others: Counter[str]


class _Probe(NamedTuple):
    """What must be known of a file before an array for all files can be made."""

    size: tuple[int, int]
    channels: int


def read_folder(
    root: Path, *, split: str, size: tuple[int, int] | None, channels: int | None
) -> ImageSource:
    """Every image under ``root``, in natural order of their paths.

    When ``root`` holds the folders ``train`` and ``test``, the split is one of the two; else all
    of it is ``train``. Each first-level sub-folder is a class, if there are at least two and no
    image lies beside them. The source has one channel if all images are grey, four if any has
    alpha below 255, else three.

    Args:
        split: ``train`` or ``test``.
        size: (height, width) to crop and resize to; None wants images of one size.
        channels: 1, 3 or 4 to convert to; None takes what is found.

    Raises:
        GenctlError: (DATA) no images, no such split, several sizes, or too many unreadable files.
    """
    splits = [root / name for name in ("train", "test")]
    if all(path.is_dir() for path in splits):
        listings = {path.name: _list_files(path) for path in splits}
    elif split == "train":
        listings = {"train": _list_files(root)}
    else:
        raise GenctlError(
            ExitStatus.DATA,
            f"{root} has no split {split!r}: it does not hold a 'train' and a 'test' folder",
            hint=f"name the folder of held-out images itself instead of {root}:{split}",
        )
    listing = listings[split]
    if not listing.images:
        raise _no_images(listing)
    images, kept, skipped = _read_images(listing, size, channels)
    class_names = _class_names(listings.values())
    labels = [class_names.index(_top(path)) for path in kept] if class_names else None
    return ImageSource(
        images=images,
        labels=None if labels is None else np.array(labels, np.int64),
        class_names=class_names,
        name=safe_name(root.resolve().name),
        split=split,
        skipped=skipped,
        ignored=listing.others.total(),
    )


def _list_files(root: Path) -> _Listing:
    images: list[Path] = []
    others: Counter[str] = Counter()
    visited = set()  # linked folders are followed, in circles too

    def complain(error: OSError) -> None:
        raise GenctlError(
            ExitStatus.DATA, f"cannot read the folder {error.filename}: {error.strerror}"
        )

    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=complain):
        visited.add(os.path.realpath(folder))
        subfolders[:] = [
            name
            for name in subfolders
            if not _hidden(name) and os.path.realpath(os.path.join(folder, name)) not in visited
        ]
        for name in files:
            path = Path(folder, name).relative_to(root)
            if not _hidden(name) and path.suffix.lower() in decode.SUFFIXES:
                images.append(path)
            else:
                others[path.suffix.lower() or path.name] += 1
    return _Listing(root, tuple(sorted(images, key=_natural)), others)


def _hidden(name: str) -> bool:
    """Files that systems leave behind, such as macOS's ``._1.png``, which are no images."""
    return name.startswith(".") or name == "__MACOSX"


def _natural(path: Path) -> list[tuple[list[str | int], str]]:
    """A key that sorts ``2.png`` before ``10.png``, and the same on every system."""
    return [_natural_text(part) for part in path.parts]


def _natural_text(text: str) -> tuple[list[str | int], str]:
    # Splitting at a group puts text at even and numbers at odd places, so keys can be compared.
    pieces = re.split(r"([0-9]+)", unicodedata.normalize("NFC", text))
    return [int(p) if i % 2 else p.casefold() for i, p in enumerate(pieces)], text


def _class_names(listings: Iterable[_Listing]) -> tuple[str, ...]:
    paths = [path for listing in listings for path in listing.images]
    if any(len(path.parts) == 1 for path in paths):
        return ()
    names = sorted({_top(path) for path in paths}, key=_natural_text)
    return tuple(names) if len(names) > 1 else ()


def _top(path: Path) -> str:
    return unicodedata.normalize("NFC", path.parts[0])


def _read_images(
    listing: _Listing, size: tuple[int, int] | None, channels: int | None
) -> tuple[npt.NDArray[np.uint8], list[Path], tuple[str, ...]]:
    """The pixels, the file each row came from, and a line for each file that gave none."""

    def probe(path: Path) -> _Probe:
        with decode.open_image(listing.root / path) as image:
            return _Probe(
                size or decode.upright_size(image), channels or decode.channels_of(image)
            )

    def fill_row(path: Path) -> None:
        with decode.open_image(listing.root / path) as image:
            pixels[rows[path]] = decode.to_array(image, size=size, channels=pixels.shape[3])

    with decode.strict_decoding(), ThreadPoolExecutor(_THREADS) as pool:
        probes, unreadable = _try_each(pool, probe, listing.images)
        _refuse_damage(listing, unreadable)
        rows = {path: row for row, path in enumerate(probes)}
        depth = _common_depth({p.channels for p in probes.values()})
        pixels = np.empty((len(rows), *_common_size(listing.root, probes), depth), np.uint8)
        filled, broken = _try_each(pool, fill_row, rows)
    unreadable |= broken
    _refuse_damage(listing, unreadable)
    if broken:
        pixels = pixels[[rows[path] for path in filled]]
    return pixels, list(filled), tuple(f"{path.as_posix()}: {why}" for path, why in unreadable.items())


def _try_each(
    pool: Executor, read: Callable[[Path], T], paths: Iterable[Path]
) -> tuple[dict[Path, T], dict[Path, str]]:
    """What ``read`` returned for each path, and for the others the reason why it could not."""

    def attempt(path: Path) -> tuple[Path, T | None, str]:
        try:
            return path, read(path), ""
        except decode.UNREADABLE as error:
            return path, None, decode.reason(error)
