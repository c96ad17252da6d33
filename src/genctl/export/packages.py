"""Optional packages that an export needs: checks that they are installed, and silences them."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import os
import warnings
from collections.abc import Iterator
from importlib.metadata import version

from genctl.errors import ExitStatus, GenctlError


def has(package: str) -> bool:
    """Whether ``package`` can be imported here, without importing it."""
    return importlib.util.find_spec(package) is not None


def require(format: str, extra: str, *packages: str) -> None:
    """Refuse to start an export that would fail half-way.

    Args:
        format: the format that needs the packages, for the message.
        extra: the extra of genctl that installs them.

    Raises:
        GenctlError: (USAGE) one of them is missing.
    """
    missing = [name for name in packages if not has(name)]
    if missing:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{format} needs {' and '.join(missing)} (not installed)",
            hint=f'pip install "genctl[{extra}]"',
        )


def named(package: str) -> str:
    """``package`` with its version."""
    return f"{package} {version(package)}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the logs and the output of libraries; their exceptions are enough."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    lost = io.StringIO()
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            contextlib.redirect_stdout(lost),
            contextlib.redirect_stderr(lost),
        ):
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """Keep Hugging Face's libraries offline; the folder is local."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before


def one_line(error: BaseException) -> str:
    """The first line of the message of ``error``, or its type if it has no message."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
