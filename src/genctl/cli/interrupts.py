"""Ctrl-C ends every command with status 130, at any moment and also while libraries load.

`KeyboardInterrupt` inside an import may be turned into another error, be ignored, or abort the
process. So the process ends directly there. Training has signal handlers of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from genctl.errors import ExitStatus

PATIENCE = 2.0
"""Seconds that a command has to end after Ctrl-C, in case a library ignores it."""

_IMPORTING = "<frozen importlib"
"""The start of the file names of the import system's frames."""


def install() -> None:
    """Handle Ctrl-C from now on, unless whoever started this process has it ignored."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
        if hasattr(signal, "SIGALRM"):
            signal.signal(signal.SIGALRM, lambda *_: leave())


def uninstall() -> None:
    """Ignore Ctrl-C, as everything is done but for the end of the process."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def leave() -> NoReturn:
    """End the process at once; nothing that is incomplete stays on the disk."""
    if staging := sys.modules.get("genctl.staging"):
        staging.discard()
    if os.environ.get("LOCAL_RANK", "0") == "0":
        with contextlib.suppress(OSError):
            os.write(2, b"error: interrupted\n")
    os._exit(ExitStatus.INTERRUPTED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, lambda *_: leave())  # the second one
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORTING):
            leave()
        frame = frame.f_back
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    raise KeyboardInterrupt
