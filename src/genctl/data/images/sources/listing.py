"""The images in a folder, ZIP or table, their order and their classes."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from genctl.data.images import decode
from genctl.data.images.sources import captions
from genctl.data.images.sources.label_file import NAMES, LabelFile, read_labels
from genctl.data.images.sources.place import Place, kind_of
from genctl.data.images.sources.tables import Table
from genctl.errors import ExitStatus, GenctlError
from genctl.ordering import natural, natural_text
from genctl.wording import NAMED, some_of

REPORT = "cleaned.json"
"""What `genctl.data.images.clean` writes beside the images."""

MOST_LOOSE = 0.1
"""Maximum share of images beside class folders; one is always left out."""


@dataclass(frozen=True)
class Listing:
    """The image files of a place, in natural order.

    Attributes:
        place: the folder or ZIP, perhaps with a folder in it, for messages.
        images: relative to the place.
        left_out: the kinds of what is not read, and their numbers.
        file: opens a file.
        stamp: a file's name, size and time, or a substitute.
        given: the classes from a file of labels; None where there is none, empty where it says
            that there are no classes.
        captions: gives the files with the captions; None where there are none.
        folder: the name of its split where it was found; empty for what has no such name.
        loose: images beside class folders, which are left out.
        notes: what to know about how it was read, one line each.
    """

    place: str
    images: tuple[PurePath, ...]
    left_out: Counter[str]
    file: Callable[[PurePath], decode.Openable]
    stamp: Callable[[PurePath], str]
    given: Mapping[PurePath, str] | None = None
    captions: Callable[[], Mapping[PurePath, decode.Openable]] | None = None
    folder: str = ""
    loose: tuple[PurePath, ...] = ()
    notes: tuple[str, ...] = ()

    def with_left_out(self, more: Mapping[str, int], notes: Sequence[str] = ()) -> Listing:
        """The same listing, which leaves more out, with more notes."""
        left_out = self.left_out + Counter(more)
        return replace(self, left_out=left_out, notes=(*self.notes, *notes))


def class_names(listings: Iterable[Listing]) -> tuple[str, ...]:
    """The classes, in natural order: those of the label files, if there are any.

    Otherwise the first-level sub-folders of the first listing, if there are at least two and no
    image lies beside them, and those of other listings without images beside them.
    """
    listings = list(listings)
    if any(listing.given is not None for listing in listings):
        given = {name for listing in listings for name in (listing.given or {}).values()}
        return tuple(sorted(given, key=natural_text))
    found = [{top_of(path) for path in listing.images} for listing in listings]
    names = set(found[0])
    if "" in names or len(set().union(*(some for some in found if "" not in some))) < 2:
        return ()
    for others in found[1:]:
        names |= set() if "" in others else others
    return tuple(sorted(names, key=natural_text))


def classes_of(listing: Listing, names: Sequence[str]) -> dict[PurePath, str]:
    """The class of each image by name; empty where there are none."""
    labels = labels_of(listing, listing.images, names)
    if labels is None:
        return {}
    return {path: names[label] for path, label in zip(listing.images, labels, strict=True)}


def labels_of(
    listing: Listing, files: Iterable[PurePath], names: Sequence[str]
) -> NDArray[np.int64] | None:
    """``(N,)``: the class of each file, as an index into ``names``; None where there are none."""
    given = listing.given
    if not names or given == {}:
        return None
    found = [top_of(path) if given is None else given[path] for path in files]
    if not set(found) <= set(names):
        return None
    numbers = {name: number for number, name in enumerate(names)}
    return np.array([numbers[name] for name in found])


def top_of(path: PurePath) -> str:
    """The folder of an image at the first level; empty for an image in none."""
    return unicodedata.normalize("NFC", path.parts[0]) if len(path.parts) > 1 else ""


def without_loose(listings: Mapping[str, Listing]) -> dict[str, Listing]:
    """The listings without the few images beside class folders, such as a cover."""
    train = next(iter(listings.values()))
    tops = Counter(map(top_of, train.images))
    folders = sorted(name for name in tops if name)
    loose = tops[""]
    if not loose or len(folders) < 2 or any(one.given is not None for one in listings.values()):
        return dict(listings)
    if loose > max(1, MOST_LOOSE * tops.total()):
        note = (
            f"no classes, because {loose:,} images are beside the folders {some_of(folders)}: "
            "for classes, move these images into folders or away"
        )
        first = next(iter(listings))
        return {**listings, first: train.with_left_out({}, [note])}
    return {split: _nested(listing, folders) for split, listing in listings.items()}


def _nested(listing: Listing, folders: Sequence[str]) -> Listing:
    """The images in folders, where these are the classes; all images where there are no folders."""
    nested = tuple(path for path in listing.images if len(path.parts) > 1)
    loose = tuple(path for path in listing.images if len(path.parts) == 1)
    if not nested or not loose:
        return listing
    kind = f"beside the class folders ({some_of(folders)})"
    return replace(listing, images=nested, loose=loose).with_left_out({kind: len(loose)})


def no_images(listing: Listing) -> GenctlError:
    """The error for a place without any images."""
    kinds = sorted(listing.left_out.items(), key=lambda kind: (-kind[1], kind[0].casefold()))
    named = [f"{count} {kind}" for kind, count in kinds[:NAMED]]
    named += ["..."] if len(kinds) > NAMED else []
    empty = "the folder is empty" if os.path.isdir(listing.place) else "it is empty"
    why = f"only other files ({', '.join(named)})" if named else empty
    return GenctlError(
        ExitStatus.DATA,
        f"no images in {listing.place}: {why}",
        hint=f"images are files ending in {', '.join(decode.SUFFIXES)}",
    )


def of_table(name: str, table: Table) -> Listing:
    """The rows of a table, in order."""
    return Listing(
        name,
        tuple(table.cells),
        Counter(table.left_out),
        lambda path: table.cells[PurePosixPath(path)],
        lambda path: f"{path.as_posix()}:{table.stamp}",
        table.labels,
        table.captions,
        table.split,
    )


def of_files(
    place: Place,
    inside: Mapping[PurePath, PurePath],
    name: str,
    folder: str = "",
    labels: LabelFile | None = None,
) -> Listing:
    """Some files of a place.

    Args:
        inside: path in the listing -> path in the place.
        name: what to call these files in messages.
        folder: the name of their split where it was found.
        labels: the file of labels of the whole place; None if these files may have their own.

    Raises:
        GenctlError: (DATA) the file of labels cannot be read, or does not fit the images.
    """
    images = tuple(sorted((path for path in inside if is_image(path)), key=natural))
    rest = [path for path in inside if not is_image(path)]

    def file(path: PurePath) -> decode.Openable:
        return place.files[inside[path]]

    texts = captions.beside(images, rest)
    used = {*texts.values(), *(path for path in rest if _is_known(path))}
    left_out = Counter(_kind_left_out(path) for path in rest if path not in used)
    rows = {path: inside[path] if labels else path for path in images}
    labels = labels or label_file(place, inside)
    return Listing(
        name,
        images,
        left_out,
        file,
        lambda path: place.files[inside[path]].stamp,
        None if labels is None else labels.labels(rows),
        (lambda: {image: file(text) for image, text in texts.items()}) if texts else None,
        folder,
        notes=labels.notes if labels else (),
    )


def label_file(place: Place, inside: Mapping[PurePath, PurePath]) -> LabelFile | None:
    """The file of labels at the top of some files of a place; None without one.

    ``labels.csv`` is read if there are two.
    """
    names = [name for name in NAMES if PurePosixPath(name) in inside]
    if not names:
        return None
    return read_labels(names[0], place.files[inside[PurePosixPath(names[0])]])


def is_image(path: PurePath) -> bool:
    """Whether the name is that of an image that can be read here."""
    return path.suffix.lower() in decode.SUFFIXES


def _is_known(path: PurePath) -> bool:
    """Whether it is read as something else, or written by a file manager."""
    top = len(path.parts) == 1 and path.name in (*NAMES, REPORT)
    return top or path.name.casefold() in ("thumbs.db", "desktop.ini")


def _kind_left_out(path: PurePath) -> str:
    missing = decode.missing_for(path.suffix.lower())
    return f"{kind_of(path)} (to read them: {missing})" if missing else kind_of(path)
