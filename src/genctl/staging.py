"""Folders and files that appear when they are complete, and never in place of something else."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from genctl.errors import ExitStatus, GenctlError, opt
from genctl.files import disk_error, hidden_beside

_OF_SYSTEMS = {"lost+found", ".DS_Store"}
_STAGE = re.compile(r"\..*\.[0-9a-f]{32}\.(tmp|old)")
_BEGUN = ".begun"
"""The name of a stage whose content is complete and is being moved into the folder around it."""

_stages: set[Path] = set()
"""The stages of this process."""

Existing = Literal["refuse", "replace", "keep"]


def is_free(path: Path) -> bool:
    """Whether a folder can be written to ``path``: nothing is there, or a folder without content.

    What systems put into every folder, and what a process that was killed left, does not count.

    Raises:
        GenctlError: the folder cannot be read.
    """
    try:
        return not path.exists() or (path.is_dir() and not any(map(_counts, os.listdir(path))))
    except OSError as error:
        raise disk_error(path, error) from None


def _counts(name: str) -> bool:
    """Whether an entry of this name is content of its folder."""
    return name not in _OF_SYSTEMS and not _STAGE.fullmatch(name)


@contextlib.contextmanager
def staged(path: Path, *, existing: Existing = "refuse", last: str = "") -> Iterator[Path]:
    """A temporary folder that becomes the directory ``path`` when the block succeeds.

    Every file in it is synced to the disk first. When the block fails, nothing new stays and
    nothing old is lost. Of several processes that write a new directory at once, one succeeds.

    A directory without content is filled, so it may be a mount point; a link is followed.

    Args:
        existing: what becomes of a directory with content: ``refuse`` it; ``replace`` it if it was
            there when the block began; ``keep`` it, where others write the same content.
        last: the entry that makes the directory complete.

    Raises:
        GenctlError: the disk is full, the place is not writable, a file is there, or another
            process has written there since the block began.
    """
    place = Path(os.path.realpath(path))
    before, fills = _identity(place), place.is_dir() and is_free(place)
    parent = place if fills else place.parent
    with _stage_in(parent, path, place) as stage:
        if before is not None and not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
        yield stage
        for file in stage.rglob("*"):
            if file.is_file():
                _sync(file)
        _sync(stage)
        old = before if existing == "replace" else None
        done = _fill(stage, place, last) if fills else _take_name(stage, place, old)
        if not done and (existing != "keep" or not place.is_dir()):
            raise GenctlError(
                ExitStatus.FAILURE,
                f"another process has written to {path} meanwhile",
                hint=f"run the command again, or choose another place with {opt('out')}",
                option="out",
            )


def settle(path: Path, last: str = "") -> None:
    """Finish what a process had begun when it was killed while it filled the folder ``path``.

    Args:
        last: as for `staged`.

    Raises:
        GenctlError: the folder is not writable.
    """
    begun = path / _BEGUN
    if not begun.is_dir():
        return
    try:
        for entry in sorted(begun.iterdir(), key=lambda entry: entry.name == last):
            with contextlib.suppress(FileNotFoundError):  # another process settles it, too
                entry.rename(path / entry.name)
        with contextlib.suppress(FileNotFoundError):
            begun.rmdir()
    except OSError as error:
        raise disk_error(path, error) from None


@contextlib.contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """A place to write the file ``path``, and others beside it, unseen until the block succeeds.

    Yields a path of the same name in a temporary directory; all files in it are moved beside
    ``path`` at the end, and ``path`` itself last. When the block fails, nothing new stays and
    nothing old is lost. A link is followed.

    Raises:
        GenctlError: the disk is full, or the place is not writable.
    """
    place = Path(os.path.realpath(path))
    with _stage_in(place.parent, path, place) as stage:
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(place))
        yield stage / place.name
        for file in sorted(stage.iterdir(), key=lambda file: file.name == place.name):
            _sync(file)
            file.replace(place.with_name(file.name))


@contextlib.contextmanager
def _stage_in(parent: Path, path: Path, place: Path) -> Iterator[Path]:
    """A temporary folder in ``parent`` for what is written to ``path``, which is at ``place``."""
    stage = hidden_beside(parent / place.name, "tmp")
    _stages.add(stage)
    try:
        stage.mkdir(parents=True)
        yield stage
        _sync(parent)
    except OSError as error:
        raise _stage_error(path, (path, place, stage), error) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        _stages.discard(stage)


def discard() -> None:
    """Delete what this process has not completed, for an end without clean-up."""
    for stage in _stages:
        shutil.rmtree(stage, ignore_errors=True)


def _stage_error(path: Path, own: tuple[Path, ...], error: OSError) -> GenctlError:
    """The error for an `OSError` in the block: of writing, unless it names a file elsewhere."""
    name = error.filename
    if isinstance(name, str | bytes | os.PathLike):
        file = Path(os.fsdecode(name))
        if not any(file.is_relative_to(one) or file in one.parents for one in own):
            reason = error.strerror or str(error)
            return GenctlError(ExitStatus.DATA, f"cannot read {file}: {reason}")
    return disk_error(path, error)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file or folder is at ``path``; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(path, error) from None
    return found.st_dev, found.st_ino


def _fill(stage: Path, place: Path, last: str) -> bool:
    """Move the content of ``stage`` into the folder around it; False if that has content by now."""
    begun = place / _BEGUN
    try:
        stage.rename(begun)  # fails if another process fills the folder at this moment
    except OSError:
        if begun.is_dir():
            return False
        raise
    if any(_counts(name) for name in os.listdir(place) if name != _BEGUN):
        shutil.rmtree(begun, ignore_errors=True)
        return False
    settle(place, last)
    return True


def _take_name(stage: Path, place: Path, old: tuple[int, int] | None) -> bool:
    """Rename ``stage`` to ``place``; False if something else than ``old`` is there by now."""
    try:
        stage.rename(place)  # fails if a file or a folder with content is there
    except OSError:
        if _identity(place) is None:
            raise
    else:
        return True
    if old is None:
        return False
    displaced = hidden_beside(place, "old")
    place.rename(displaced)
    try:
        if _identity(displaced) == old:
            stage.rename(place)
    finally:
        if _identity(place) is None:
            displaced.rename(place)
    if not displaced.exists():
        return False
    shutil.rmtree(displaced, ignore_errors=True)
    return True


def _sync(path: Path) -> None:
    """Flush a file or directory to the disk; Windows has no handle for a directory."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
