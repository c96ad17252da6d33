"""Files that are complete or absent: atomic writes, staged directories, clear disk errors."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import unicodedata
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from genctl import documents
from genctl.errors import ExitStatus, GenctlError, opt

_NOT_IN_NAMES = re.compile(
    r"""[\x00-\x1f\x7f\ud800-\udfff%/\\:*?"<>|]  # separators, and what some system refuses
    | ^\. | ^\ | [.\ ]$  # parents, hidden files, and what Windows removes
    """,
    re.VERBOSE,
)
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows
_LONGEST = 200
"""Maximum length of a part of a path in bytes; systems allow 255."""

_NO_SPACE = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_NAME_LENGTH = 40


def cache_folder() -> Path:
    """The folder for recomputable files: ``$GENCTL_CACHE``, by default ``~/.cache/genctl``."""
    return Path(os.environ.get("GENCTL_CACHE") or Path.home() / ".cache" / "genctl")


def path_component(name: str, taken: Collection[str] = ()) -> str:
    """``name`` as one part of a path inside its folder, on any system.

    Letters of every script stay. What separates parts, or what a system refuses, becomes ``%XX`` as
    in an address, so different names stay different, and `urllib.parse.unquote` gives the name
    back. The empty name becomes ``%``. A name too long for a file is cut, and ends in ``%`` and its
    checksum.

    Args:
        taken: folded names that mean something else in that folder.
    """
    part = _NOT_IN_NAMES.sub(lambda found: _quoted(found.group()), name) or "%"
    if part.casefold() in taken or _DEVICE.fullmatch(part):
        part = _quoted(part[0]) + part[1:]
    content = part.encode()
    if len(content) <= _LONGEST:
        return part
    checksum = hashlib.sha256(content).hexdigest()[:16]
    return f"{content[: _LONGEST - 20].decode(errors='ignore')}%{checksum}"


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def stays_inside(name: str) -> bool:
    """Whether the relative path ``name`` stays inside its folder, on any system."""
    return not any(
        path.is_absolute() or path.drive or ".." in path.parts
        for path in (PurePosixPath(name), PureWindowsPath(name))
    )


def safe_name(name: str) -> str:
    """``name`` as part of a file name: letters and digits of any script, ``_``, ``.`` and ``-``."""
    composed = unicodedata.normalize("NFC", name)  # macOS splits accents off
    return re.sub(r"[^\w.-]+", "-", composed)[:_NAME_LENGTH].strip("-.") or "images"


def disk_error(path: Path, error: OSError) -> GenctlError:
    """The error for an `OSError` while writing ``path``."""
    elsewhere = f"choose another place with {opt('out')}"
    if error.errno in _NO_SPACE:
        reason, hint = "no space left on the disk", "free some space, then run the command again"
    elif isinstance(error, PermissionError):
        reason, hint = "no permission to write there", elsewhere
    elif isinstance(error, NotADirectoryError | FileExistsError):
        reason, hint = "a file is in the way", elsewhere
    else:
        reason, hint = error.strerror or str(error), ""
    return GenctlError(ExitStatus.FAILURE, f"cannot write {path}: {reason}", hint=hint)


def make_directory(path: Path) -> Path:
    """``path`` as a directory, created with its parents if absent.

    Raises:
        GenctlError: it cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(path, error) from None
    return path


def write_atomic(path: Path, data: bytes | str) -> None:
    """Replace ``path`` by ``data`` in one step; the old file survives any failure.

    Raises:
        GenctlError: the disk is full, or the place is not writable.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    raw = data.encode() if isinstance(data, str) else data
    try:
        with temporary.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise disk_error(path, error) from None


def write_json(path: Path, data: Any) -> None:
    """`write_atomic` of ``data`` as readable JSON; `documents.to_json` says how."""
    write_atomic(path, documents.to_json(data, indent=2) + "\n")


@contextlib.contextmanager
def staged(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """A temporary sibling of the directory ``path`` that is renamed to it when the block succeeds.

    Every file in it is synced to the disk before the rename. When the block fails, nothing new
    stays and nothing old is lost.

    Args:
        replace: whether to replace a directory that exists at ``path`` by then; otherwise it
            stays, for the case that another process has written the same content first.

    Raises:
        GenctlError: the disk is full, or the place is not writable.
    """
    with _stage_beside(path) as stage:
        yield stage
        for file in stage.rglob("*"):
            if file.is_file():
                _sync(file)
        _sync(stage)
        _take_name(stage, path, replace=replace)


@contextlib.contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """A place to write the file ``path``, and others beside it, unseen until the block succeeds.

    Yields a path of the same name in a temporary directory; all files in it are moved beside
    ``path`` at the end, and ``path`` itself last. When the block fails, nothing new stays and
    nothing old is lost.

    Raises:
        GenctlError: the disk is full, or the place is not writable.
    """
    with _stage_beside(path) as stage:
        yield stage / path.name
        for file in sorted(stage.iterdir(), key=lambda file: file.name == path.name):
            _sync(file)
            file.replace(path.with_name(file.name))


@contextlib.contextmanager
def _stage_beside(path: Path) -> Iterator[Path]:
    stage = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        stage.mkdir(parents=True)
        yield stage
        _sync(path.parent)
    except OSError as error:
        raise _stage_error(path, stage, error) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _stage_error(path: Path, stage: Path, error: OSError) -> GenctlError:
    """The error for an `OSError` in the block: of writing, unless it names a file elsewhere."""
    name = error.filename
    if isinstance(name, str | bytes | os.PathLike):
        file = Path(os.fsdecode(name))
        if not file.is_relative_to(stage) and file not in (path, *path.parents):
            reason = error.strerror or str(error)
            return GenctlError(ExitStatus.DATA, f"cannot read {file}: {reason}")
    return disk_error(path, error)


def _take_name(stage: Path, path: Path, *, replace: bool) -> None:
    """Rename ``stage`` to ``path``, in one step unless ``path`` is a non-empty directory."""
    with contextlib.suppress(OSError):
        stage.rename(path)
        return
    if not replace and path.is_dir():
        return
    displaced = path.with_name(f".{path.name}.{uuid.uuid4().hex}.old")
    path.rename(displaced)
    stage.rename(path)
    shutil.rmtree(displaced, ignore_errors=True)


def _sync(path: Path) -> None:
    """Flush a file or directory to the disk; Windows has no handle for a directory."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
