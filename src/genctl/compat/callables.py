"""The user's own code, named as ``module:callable``."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genctl.errors import ExitStatus, GenctlError

_TARGET = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")


def is_target(text: str) -> bool:
    """Whether ``text`` has the form ``module:callable``."""
    return _TARGET.fullmatch(text) is not None


def import_callable(target: str) -> Callable[..., Any]:
    """Import ``module:callable``, also from the current folder.

    Raises:
        GenctlError: (USAGE) the module or callable does not exist.
    """
    module, _, name = target.rpartition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 - importing runs the user's code
        raise GenctlError(
            ExitStatus.USAGE,
            f"cannot import {target!r}: {first_line(error)}",
            hint="write module:callable, importable from the current folder",
        ) from None
    if not callable(found):
        raise GenctlError(ExitStatus.USAGE, f"{target!r} is not callable: it is {found!r}")
    return found  # type: ignore[no-any-return]


def sha256_of_source(function: Callable[..., Any]) -> str:
    """Digest of the function's name and of the file that defines it."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    try:
        source = Path(inspect.getfile(inspect.unwrap(function))).read_bytes()
    except (TypeError, OSError):
        source = b""
    return hashlib.sha256(source + name.encode()).hexdigest()


def first_line(error: Exception) -> str:
    """The first line of an error message of the user's code."""
    return (str(error).strip() or type(error).__name__).partition("\n")[0]
