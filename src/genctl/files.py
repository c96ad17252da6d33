"""Files that are complete or absent: atomic writes, names of files, clear disk errors."""

from __future__ import annotations

import atexit
import contextlib
import errno
import functools
import hashlib
import os
import re
import unicodedata
import uuid
import warnings
from collections.abc import Collection
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from genctl import documents
from genctl.errors import ExitStatus, GenctlError, SurroundingsWarning, opt

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
    """The folder for recomputable files: ``$GENCTL_CACHE``, by default ``~/.cache/genctl``.

    For a user without a home folder it is a temporary one.
    """
    if named := os.environ.get("GENCTL_CACHE"):
        return Path(named)
    try:
        return Path.home() / ".cache" / "genctl"
    except RuntimeError:  # no HOME, and no entry in the list of users
        return _temporary_cache("this user has no home folder")


def writable_cache() -> Path:
    """`cache_folder` where it can be written to, otherwise a temporary folder, after a warning."""
    import tempfile

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        return _temporary_cache(f"{folder} cannot be written to ({error.strerror or error})")


@functools.cache
def _temporary_cache(reason: str) -> Path:
    import tempfile

    folder = tempfile.TemporaryDirectory(prefix="genctl-cache-")
    atexit.register(folder.cleanup)
    warnings.warn(
        f"{reason}, so results are kept for this command only: set GENCTL_CACHE to a folder",
        SurroundingsWarning,
        stacklevel=2,
    )
    return Path(folder.name)


def typed_path(text: str | Path) -> Path:
    """The path that a user typed, with ``~`` for the home folder.

    Where nothing is there, a name that only differs in its Unicode form is taken.
    """
    path = Path(text)
    with contextlib.suppress(RuntimeError):  # no home folder
        path = path.expanduser()
    if not os.path.lexists(path):
        for form in ("NFC", "NFD"):
            other = unicodedata.normalize(form, str(path))
            if os.path.lexists(other):
                return Path(other)
    return path


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
    elif error.errno == errno.EROFS:
        reason, hint = "the file system is read-only", elsewhere
    elif isinstance(error, IsADirectoryError):
        reason, hint = "a folder is in the way", elsewhere
    elif isinstance(error, NotADirectoryError | FileExistsError):
        reason, hint = "a file is in the way", elsewhere
    else:
        reason, hint = error.strerror or str(error), ""
    return GenctlError(ExitStatus.FAILURE, f"cannot write {path}: {reason}", hint=hint)


def make_directory(path: Path) -> Path:
    """``path`` as a directory, created with its parents if absent; a link is followed.

    Raises:
        GenctlError: it cannot be created.
    """
    try:
        real = Path(os.path.realpath(path)) if path.is_symlink() else path
        real.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(path, error) from None
    return path


def hidden_beside(path: Path, end: str) -> Path:
    """A new name beside ``path`` for what is not complete yet, or no longer needed."""
    start = path.name[:_NAME_LENGTH]  # a system limits the length of the whole name
    return path.with_name(f".{start}.{uuid.uuid4().hex}.{end}")


def write_atomic(path: Path, data: bytes | str) -> None:
    """Replace ``path`` by ``data`` in one step; the old file survives any failure.

    A link is followed. What is not a regular file, such as a pipe, is written to.

    Raises:
        GenctlError: the disk is full, or the place is not writable.
    """
    place = Path(os.path.realpath(path))
    temporary = hidden_beside(place, "tmp")
    raw = data.encode() if isinstance(data, str) else data
    try:
        if path.exists() and not path.is_file() and not path.is_dir():  # such as /dev/stdout
            path.write_bytes(raw)
            return
        with temporary.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise disk_error(path, error) from None


_STARTS = {".png": b"\x89PNG", ".npz": b"PK", ".gif": b"GIF8", ".webp": b"RIFF", ".html": b"<"}
"""Suffix -> how files of this format begin."""


def refuse_other_file(path: Path) -> None:
    """Refuse to replace a folder, or a file of another format than its suffix says.

    Raises:
        GenctlError: (USAGE) there is one at ``path``.
    """
    what = ""
    if path.is_dir():
        what = "is a folder"
    elif path.is_file() and (start := _STARTS.get(path.suffix)):
        try:
            with path.open("rb") as file:
                found = file.read(len(start))
        except OSError as error:
            raise disk_error(path, error) from None
        what = f"exists and is not a {path.suffix} file" if found not in (b"", start) else ""
    if what:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{path} {what}",
            option="out",
            suggest=str(path.with_name(f"{path.stem}-2{path.suffix}")),
        )


def write_json(path: Path, data: Any) -> None:
    """`write_atomic` of ``data`` as readable JSON; `documents.to_json` says how."""
    write_atomic(path, documents.to_json(data, indent=2) + "\n")
