"""The lock of a folder, and which process holds it; it ends with its process.

Some file systems have no locks, such as NFS without its lock service. There a folder is used
without one, after a warning.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from genctl import documents
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.files import disk_error, write_json

LOCK, HOLDER = ".lock", ".holder.json"

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP}
_PATIENCE = 0.5
"""Seconds: a process that asks for the holder has the lock for an instant."""


def holder_of(folder: Path) -> str | None:
    """The process and host that hold the lock of ``folder``, or None."""
    if not _is_held(folder / LOCK):
        return None
    try:
        who = documents.require(documents.parse((folder / HOLDER).read_bytes()), ("pid", "host"))
    except (OSError, ValueError):  # it has just been taken, or just been released
        who = {}
    return f"process {who.get('pid', '?')} on {who.get('host', '?')}"


@contextlib.contextmanager
def locked(folder: Path, warn: Callable[[str], None]) -> Iterator[None]:
    """Lock ``folder``; the operating system releases the lock when the process ends in any way.

    Args:
        warn: called where the file system has no locks.

    Raises:
        GenctlError: another process holds the lock, or the folder is not writable.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=_PATIENCE)
    try:
        if _has_locks(folder):
            lock.acquire()
        else:
            warn(
                f"the file system of {folder} has no locks: do not train there with a second "
                "process at the same time"
            )
    except Timeout:
        raise GenctlError(
            ExitStatus.FAILURE,
            f"{folder} is being trained by {holder_of(folder) or 'another process'}",
            hint=f"wait for it, or start another run with {opt('new')}",
            option="new",
        ) from None
    except OSError as error:
        raise disk_error(folder, error) from None
    try:
        write_json(folder / HOLDER, {"pid": os.getpid(), "host": socket.gethostname()})
        yield
    finally:
        lock.release()


def _is_held(lock: Path) -> bool:
    """Whether a process holds ``lock``, without writing to it; False if that cannot be known."""
    try:
        _try(lock)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _has_locks(folder: Path) -> bool:
    """Whether the file system of ``folder`` has locks.

    Raises:
        OSError: the lock file cannot be created.
    """
    lock = folder / LOCK
    lock.touch()
    try:
        _try(lock)
    except OSError as error:
        return error.errno not in _NO_LOCKS
    return True


def _try(lock: Path) -> None:
    """Take the lock for an instant, together with others who ask.

    Raises:
        OSError: a process holds it, the file is not readable, or there are no locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        _try_alone(lock)
        return
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _try_alone(lock: Path) -> None:
    from filelock import FileLock, Timeout

    if not lock.exists():
        return
    try:
        with FileLock(lock, timeout=0):
            pass
    except Timeout:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(lock)) from None
