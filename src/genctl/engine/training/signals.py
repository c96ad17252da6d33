"""SIGINT and SIGTERM: after the first, training saves and stops; the second ends it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self


class StopSignals:
    """Inside the block, records the first stop signal instead of ending the process.

    Outside the main thread Python delivers no signals, so nothing is changed there.

    Args:
        say: called at the first signal with what happens next.
    """

    def __init__(self, say: Callable[[str], object] = lambda _: None) -> None:
        self._say = say
        self.received: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            os._exit(128 + number)
        self.received = signal.Signals(number)
        with contextlib.suppress(OSError, RuntimeError):  # it may interrupt other output
            self._say(f"{self.received.name}: stopping after this step; again to end at once")
