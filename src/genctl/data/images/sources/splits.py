"""The splits of a folder, ZIP or table of images."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from genctl.data.images.sources.celeba import is_celeba, split_members
from genctl.data.images.sources.label_file import NAMES
from genctl.data.images.sources.listing import (
    Listing,
    is_image,
    no_images,
    of_folder,
    of_table,
    of_zip,
)
from genctl.data.images.sources.tables import HELD_OUT, is_table, read_tables
from genctl.data.images.sources.zip_file import members
from genctl.data.source_files import entries, is_hidden, walk
from genctl.errors import ExitStatus, GenctlError

SPLITS = ("train", "test")


def list_splits(root: Path) -> dict[str, Listing]:
    """``train``, and ``test`` where the place has folders of both names, or tables.

    Without ``test``, a folder ``validation``, ``valid``, ``val`` or ``dev`` is the test split.

    Raises:
        GenctlError: (DATA) a folder that cannot be read, a ZIP that is damaged or hostile, or a
            file of labels beside the folders of the splits.
    """
    if is_table(root):
        return {split: of_table(root, table) for split, table in read_tables(root).items()}
    if is_celeba(root):
        return {split: of_zip(root, found) for split, found in split_members(root).items()}
    if os.path.isdir(root):
        folders, loose = entries(root)
        names = _split_folders(folders)
        if not names:
            return {"train": of_folder(root)}
        found = {split: of_folder(root / name) for split, name in names.items()}
        beside = (name for name in folders if name not in names.values() and not is_hidden(name))
        inside = (path.relative_to(root) for name in beside for path in walk(root / name))
        return _with_others(root, found, itertools.chain(map(PurePath, loose), inside))
    packed = members(root)
    names = _split_folders(member.path.parts[0] for member in packed if member.path.parts[1:])
    if not names:
        return {"train": of_zip(root, packed)}
    found = {split: of_zip(root, packed, name) for split, name in names.items()}
    rest = (member.path for member in packed if member.path.parts[0] not in names.values())
    return _with_others(root, found, rest)


def _split_folders(names: Iterable[str]) -> Mapping[str, str]:
    """Split -> the folder of it; empty where there are not two. ``val`` is a test split, too."""
    folders = {name.casefold(): name for name in sorted(names)}  # train, not Train
    held_out = next((name for name in HELD_OUT if name in folders), None)
    if held_out is None or "train" not in folders:
        return {}
    return {"train": folders["train"], "test": folders[held_out]}


def listing_of(listings: Mapping[str, Listing], split: str, root: Path) -> Listing:
    """The images of a split.

    Raises:
        GenctlError: (DATA) no such split, or no images.
    """
    if split not in listings:
        raise GenctlError(
            ExitStatus.DATA,
            f"{root} has no test split, because it does not have the folders 'train' and 'test'",
            hint="name a folder of held-out images itself",
        )
    if not listings[split].images:
        raise no_images(listings[split])
    return listings[split]


def _with_others(
    root: Path, found: Mapping[str, Listing], outside: Iterable[PurePath]
) -> dict[str, Listing]:
    """The splits; the first one counts the images that are in neither."""
    images: list[PurePath] = []
    for path in outside:
        if len(path.parts) == 1 and path.name in NAMES:
            raise _unread_labels(root, path.name)
        if is_image(path) and not any(map(is_hidden, path.parts)):
            images.append(path)
    train = found["train"]
    unread = replace(
        train,
        others=train.others + Counter(path.suffix.lower() for path in images),
        beside=_folders(images),
    )
    return {**found, "train": unread}


def _folders(images: Sequence[PurePath]) -> tuple[str, ...]:
    """The folders of these images, with the number of images in each, and loose images."""
    counts = Counter(path.parts[0] if len(path.parts) > 1 else "" for path in images)
    return tuple(
        f"{name} ({count:,} images)" if name else f"{count:,} images in no folder"
        for name, count in sorted(counts.items())
    )


def _unread_labels(root: Path, name: str) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"{root / name} is beside the folders of the splits, and its labels would not be read",
        hint=f"put one into {root / 'train'} and one into {root / 'test'}, "
        "each with paths relative to its folder",
    )
