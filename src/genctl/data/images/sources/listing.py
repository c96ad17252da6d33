"""The images in a folder or ZIP, their order and their classes."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from genctl.data.images import decode
from genctl.data.images.sources import captions
from genctl.data.images.sources.label_file import NAMES, labels_in
from genctl.data.images.sources.tables import Table
from genctl.data.images.sources.zip_file import Member
from genctl.data.source_files import is_hidden, require_utf8, walk
from genctl.errors import ExitStatus, GenctlError
from genctl.ordering import natural, natural_text
from genctl.wording import NAMED


@dataclass(frozen=True)
class Listing:
    """The image files of a place, in natural order.

    Attributes:
        place: the folder or ZIP, perhaps with a folder in it, for messages.
        images: relative to the place.
        others: the kinds of all other files, and their numbers.
        file: opens a file.
        stamp: a file's name, size and time, or a substitute.
        given: the classes from a file of labels; None where there is none.
        captions: gives the files with the captions; None where there are none.
        beside: folders of images beside those of the splits, which are not part of any split.
    """

    place: str
    images: tuple[PurePath, ...]
    others: Counter[str]
    file: Callable[[PurePath], decode.Openable]
    stamp: Callable[[PurePath], str]
    given: Mapping[PurePath, str] | None = None
    captions: Callable[[], Mapping[PurePath, decode.Openable]] | None = None
    beside: tuple[str, ...] = ()


def class_names(listings: Iterable[Listing]) -> tuple[str, ...]:
    """The classes, in natural order: those of the label files, if there are any.

    Otherwise the first-level sub-folders, if there are at least two and no image lies beside them.
    """
    listings = list(listings)
    if any(listing.given is not None for listing in listings):
        given = {name for listing in listings for name in (listing.given or {}).values()}
        return tuple(sorted(given, key=natural_text))
    paths = [path for listing in listings for path in listing.images]
    if any(len(path.parts) == 1 for path in paths):
        return ()
    names = sorted({_top(path) for path in paths}, key=natural_text)
    return tuple(names) if len(names) > 1 else ()


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
    found = [_top(path) if given is None else given[path] for path in files]
    if not set(found) <= set(names):
        return None
    numbers = {name: number for number, name in enumerate(names)}
    return np.array([numbers[name] for name in found])


def _top(path: PurePath) -> str:
    return unicodedata.normalize("NFC", path.parts[0])


def no_images(listing: Listing) -> GenctlError:
    """The error for a place without any images."""
    kinds = sorted(listing.others.items(), key=lambda kind: (-kind[1], kind[0].casefold()))
    named = [f"{count} {kind}" for kind, count in kinds[:NAMED]]
    named += ["..."] if len(kinds) > NAMED else []
    empty = "the folder is empty" if os.path.isdir(listing.place) else "it is empty"
    why = f"only other files ({', '.join(named)})" if named else empty
    return GenctlError(
        ExitStatus.DATA,
        f"no images in {listing.place}: {why}",
        hint=f"images are files ending in {', '.join(decode.SUFFIXES)}",
    )


def of_folder(root: Path) -> Listing:
    """The files under a folder."""
    return _listing(
        str(root),
        (path.relative_to(root) for path in walk(root)),
        lambda path: root / path,
        lambda path: _stamp(path, root / path),
    )


def _stamp(path: PurePath, file: Path) -> str:
    try:
        state = file.stat()
    except OSError:
        return f"{path.as_posix()}:absent"
    return f"{path.as_posix()}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"


def of_zip(root: Path, found: Iterable[Member], split: str | None = None) -> Listing:
    """All members, or those under the folder ``split``."""
    if split is None:
        inside = {member.path: member for member in found}
    else:
        inside = {
            member.path.relative_to(split): member
            for member in found
            if member.path.parts[0] == split
        }
    return _listing(
        str(root / split) if split else str(root),
        inside,
        lambda path: inside[PurePosixPath(path)],
        lambda path: inside[PurePosixPath(path)].stamp,
    )


def of_table(root: Path, table: Table) -> Listing:
    """The rows of a table, in order."""
    return Listing(
        str(root),
        tuple(table.cells),
        Counter(),
        lambda path: table.cells[PurePosixPath(path)],
        lambda path: f"{path.as_posix()}:{table.stamp}",
        table.labels,
        table.captions,
    )


def _listing(
    place: str,
    paths: Iterable[PurePath],
    file: Callable[[PurePath], decode.Openable],
    stamp: Callable[[PurePath], str],
) -> Listing:
    images: list[PurePath] = []
    rest: list[PurePath] = []
    labels: list[PurePath] = []
    for path in paths:
        if any(map(is_hidden, path.parts[:-1])):
            continue
        if len(path.parts) == 1 and path.name in NAMES:
            labels.append(path)
        elif is_image(path):
            images.append(path)
        else:
            rest.append(path)
    ordered = tuple(sorted(images, key=natural))
    require_utf8((path.as_posix() for path in ordered), place)
    given = labels_in(labels, file, ordered)
    others = Counter(path.suffix.lower() or path.name for path in rest)
    return Listing(place, ordered, others, file, stamp, given, captions.beside(ordered, rest, file))


def is_image(path: PurePath) -> bool:
    """Whether the name is that of an image."""
    return path.suffix.lower() in decode.SUFFIXES and not is_hidden(path.name)
