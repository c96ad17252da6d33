"""Faults of the disk: an action at the k-th operation on files of a process."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

_OPERATIONS = (
    (Path, "rename"),
    (Path, "replace"),
    (Path, "mkdir"),
    (Path, "write_bytes"),
    (Path, "write_text"),
    (os, "fsync"),
    (shutil, "rmtree"),
)


class Operations:
    """Counts the operations on files of this process, and lets ``then`` happen at one of them."""

    def __init__(self, at: int = 0, then: Callable[[], object] = lambda: None) -> None:
        self.count = 0
        self._at, self._then = at, then

    def install(self) -> None:
        """From now on."""
        for owner, name in _OPERATIONS:
            setattr(owner, name, self._wrapped(getattr(owner, name)))

    def _wrapped(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            if self.count == self._at:
                self._then()
            return original(*args, **kwargs)

        return wrapped


class Failing(Operations):
    """From the k-th operation on, everything that writes fails with an error of the system."""

    def __init__(self, at: int, number: int) -> None:
        super().__init__(at)
        self._number = number

    def _wrapped(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            cleaning = getattr(original, "__name__", "") == "rmtree"
            if self.count >= self._at and not cleaning:
                raise OSError(self._number, os.strerror(self._number))
            return original(*args, **kwargs)

        return wrapped


ERRORS = {
    "disk full": errno.ENOSPC,
    "read-only file system": errno.EROFS,
    "no permission": errno.EACCES,
    "input/output error": errno.EIO,
}
