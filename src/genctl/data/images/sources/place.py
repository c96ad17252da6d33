"""The files of a folder or ZIP by the names that people read, whatever their encoding."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO, Literal, Protocol

from genctl.data.foreign import readable
from genctl.data.images.decode import is_picture
from genctl.data.images.sources.label_file import NAMES
from genctl.data.images.sources.zip_file import members
from genctl.data.source_files import Passed, is_hidden, walk
from genctl.errors import ExitStatus, GenctlError

HIDDEN = "hidden"
REPEATED = "linked folders that are read already"
DEAD = "links that lead nowhere"
SPECIAL = "neither files nor folders"
REPLACED = "replaced by later members of the same names"


class Entry(Protocol):
    """A file of a place."""

    @property
    def stamp(self) -> str:
        """Its name, size and time, or a substitute."""

    def open(self, mode: Literal["rb"] = "rb", /) -> BinaryIO:
        """Its bytes."""


@dataclass(frozen=True)
class Place:
    """The files of a folder or ZIP.

    Attributes:
        name: the folder or ZIP, perhaps with a folder in it, for messages.
        files: readable path within it -> file; none is hidden.
        folders: the names of the folders in it, empty ones included.
        left_out: what is not among the files: kind -> number.
    """

    name: str
    files: Mapping[PurePath, Entry]
    folders: frozenset[str]
    left_out: Counter[str]


@dataclass(frozen=True)
class FolderFile:
    """A file in a folder.

    Args:
        path: where it is.
        name: its readable path within the folder.
    """

    path: Path
    name: str

    @cached_property
    def _state(self) -> os.stat_result | None:
        try:
            return self.path.stat()
        except OSError:
            return None

    @property
    def stamp(self) -> str:
        """Its name, size and times."""
        state = self._state
        if state is None:
            return f"{self.name}:absent"
        return f"{self.name}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"

    @property
    def odd(self) -> str:
        """Its kind, if it is not a file and its name is not that of an image; otherwise empty."""
        if self._state is None:
            return "" if is_picture(self.path) else DEAD
        return "" if stat.S_ISREG(self._state.st_mode) else SPECIAL

    def open(self, mode: Literal["rb"] = "rb", /) -> BinaryIO:
        """Its bytes."""
        return self.path.open(mode)


def of_folder(root: Path) -> Place:
    """The files under a folder.

    Raises:
        GenctlError: (DATA) a folder that cannot be read, or two names that read the same.
    """
    passed = Passed()
    files: dict[PurePath, Entry] = {}
    left_out: Counter[str] = Counter()
    for path in walk(root, passed):
        inner = _readable(path.relative_to(root))
        file = FolderFile(path, inner.as_posix())
        if is_hidden(path.name):
            left_out[HIDDEN] += _is_hidden_picture(path)
        elif file.odd:
            left_out[file.odd] += 1
        elif inner in files:
            raise _same_names(root, inner)
        else:
            files[inner] = file
    left_out[HIDDEN] += sum(map(_hidden_pictures, passed.hidden))
    left_out[REPEATED] += len(_beside(root, passed.repeated))
    folders = (e.name for e in os.scandir(root) if not is_hidden(e.name) and e.is_dir())
    return Place(str(root), files, frozenset(map(readable, folders)), +left_out)


def of_zip(path: Path) -> Place:
    """The files of a ZIP.

    Raises:
        GenctlError: (DATA) damaged, locked, or with names that point outside of it.
    """
    files: dict[PurePath, Entry] = {}
    folders: set[str] = set()
    left_out: Counter[str] = Counter()
    for member in members(path):
        if any(map(is_hidden, member.path.parts)):
            left_out[HIDDEN] += _is_hidden_picture(member.path)
            continue
        if member.is_folder or len(member.path.parts) > 1:
            folders.add(member.path.parts[0])
        if not member.is_folder:
            left_out[REPLACED] += member.path in files
            files[member.path] = member
    return Place(str(path), files, frozenset(folders), +left_out)


def without_top_folders(place: Place, meant: Collection[str]) -> Place:
    """The inside of the only folder with images, repeatedly: most ZIPs have such a folder.

    Args:
        meant: folded names of folders that say what is in them, which are kept.
    """
    while top := _only_folder(place, meant):
        inside: dict[PurePath, Entry] = {}
        left_out = Counter(place.left_out)
        for path, file in place.files.items():
            if path.parts[0] == top:
                inside[path.relative_to(top)] = file
            else:
                left_out[kind_of(path)] += 1
        folders = frozenset(path.parts[0] for path in inside if len(path.parts) > 1)
        place = Place(f"{place.name}/{top}", inside, folders, left_out)
    return place


def _only_folder(place: Place, meant: Collection[str]) -> str:
    """The folder of all images; empty if there is none, or files of labels lie beside it."""
    tops = {path.parts[0] for path in place.files if is_picture(path)}
    loose = {path.name for path in place.files if len(path.parts) == 1}
    if len(tops) != 1 or loose & {*tops, *NAMES}:
        return ""
    return "" if any(name.casefold() in meant for name in place.folders) else tops.pop()


def kind_of(path: PurePath) -> str:
    """The kind of a file that is not an image: its suffix."""
    return path.suffix.lower() or "without a suffix"


def _readable(path: PurePath) -> PurePosixPath:
    return PurePosixPath(*map(readable, path.parts))


def _is_hidden_picture(path: PurePath) -> bool:
    """Whether it is an image; macOS's ``._1.png`` is what it keeps about ``1.png``."""
    return is_picture(path) and not path.name.startswith("._")


def _hidden_pictures(folder: Path) -> int:
    found = (Path(inner, name) for inner, _, names in os.walk(folder) for name in names)
    return sum(map(_is_hidden_picture, found))


def _beside(root: Path, repeated: Iterable[Path]) -> list[Path]:
    """The repeated folders that are not above what is read: a link upwards adds nothing."""
    real = os.path.realpath(root)
    return [path for path in repeated if not real.startswith(os.path.realpath(path))]


def _same_names(root: Path, name: PurePath) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"two files in {root} have names that both read {name.as_posix()!r}: one is not in UTF-8",
        hint="rename one of them",
    )
