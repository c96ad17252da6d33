"""The splits of a folder, ZIP or table of images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from genctl.data.images.sources.celeba import is_celeba, split_files
from genctl.data.images.sources.label_file import LabelFile
from genctl.data.images.sources.listing import (
    Listing,
    is_image,
    label_file,
    no_images,
    of_files,
    of_table,
    without_loose,
)
from genctl.data.images.sources.place import Place, of_folder, of_zip, without_top_folders
from genctl.data.images.sources.split_names import NAMES as USUAL
from genctl.data.images.sources.split_names import Arranged, arrange, chosen
from genctl.data.images.sources.table_files import is_table
from genctl.data.images.sources.tables import read_tables
from genctl.errors import ExitStatus, GenctlError

SPLITS = ("train", "test")


def list_splits(root: Path) -> dict[str, Listing]:
    """``train``, and ``test`` where held-out images are found, under any of their usual names.

    The first listing counts what is in neither.

    Raises:
        GenctlError: (DATA) a folder that cannot be read, a ZIP that is damaged or hostile, or a
            file of labels beside the folders of the splits.
    """
    if is_table(root):
        return {split: of_table(str(root), table) for split, table in read_tables(root).items()}
    if is_celeba(root):
        place, found = split_files(root)
        return {split: of_files(place, files, str(root), split) for split, files in found.items()}
    place = of_folder(root) if os.path.isdir(root) else of_zip(root)
    return without_loose(_listed(without_top_folders(place, USUAL)))


def _listed(place: Place) -> dict[str, Listing]:
    """The splits that rows of a file of labels name, or else the names of folders."""
    labels = label_file(place, {path: path for path in place.files})
    arranged = _by_rows(place, labels) or arrange(place.files, place.folders)
    if labels is not None and labels.has_labels and arranged.divides_all:
        raise _unread_labels(place, labels.name, arranged)
    listings = {}
    for split, inside in arranged.splits.items():
        # Held-out images may have no labels, or a file of their own.
        shared = split == "train" or (labels and labels.names_any(inside.values()))
        name, folder = _name(place, arranged, split), arranged.names[split]
        listings[split] = of_files(place, inside, name, folder, labels if shared else None)
    train = listings["train"].with_left_out(place.left_out + arranged.left_out, arranged.notes)
    return {**listings, "train": train}


def _by_rows(place: Place, labels: LabelFile | None) -> Arranged | None:
    """The splits of a column of the file of labels; None if it names none of the usual ones."""
    if labels is None or not labels.has_splits:
        return None
    of_image = labels.splits(filter(is_image, place.files))
    named = chosen(of_image.values())
    if not named:
        return None
    labels.labels({path: path for path in of_image})  # for its errors
    by_name = {name: split for split, name in named.items()}
    if "train" not in named:
        by_name |= {name: "train" for name in of_image.values() if name not in USUAL}
    captions = {path.with_suffix(""): name for path, name in of_image.items()}
    found = Arranged({split: {} for split in ("train", *named)}, {"train": "", **named})
    for path in place.files:
        if path in of_image and of_image[path] not in by_name:
            found.left_out[f"in the split {of_image[path]!r} by {labels.name}"] += 1
        else:
            split = by_name.get(captions.get(path.with_suffix(""), ""), "train")
            found.splits[split][path] = path
    return found


def _name(place: Place, arranged: Arranged, split: str) -> str:
    """What to call a split in messages: its folder, where all of it is in one."""
    folder = arranged.names[split]
    return f"{place.name}/{folder}" if folder in place.folders else place.name


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
    found = listings[split]
    if not found.images and not found.folder and len(listings) > 1:
        raise GenctlError(
            ExitStatus.DATA,
            f"{root} has only held-out images ({listings['test'].folder}), and none to train on",
            hint="name the folder of one split itself to train on it",
        )
    if not found.images:
        raise no_images(found)
    return found


def splits_in_words(listings: Mapping[str, Listing]) -> str:
    """Which splits were found, and which of them is held out; empty where there is only one."""
    train, test = listings["train"], listings.get("test")
    if test is None and not train.folder:
        return ""
    source = f" of {train.folder}" if train.folder else ""
    held_out = f"{len(test.images):,} of {test.folder or 'test'}" if test else "none"
    return f"splits: {len(train.images):,} images{source} to train on, {held_out} held out"


def _unread_labels(place: Place, name: str, arranged: Arranged) -> GenctlError:
    train, test = (f"{place.name}/{arranged.names[split]}" for split in SPLITS)
    return GenctlError(
        ExitStatus.DATA,
        f"{place.name}/{name} is beside the folders of the splits, and its labels would not be "
        "read",
        hint=f"put one into {train} and one into {test}, each with paths relative to its folder",
    )
