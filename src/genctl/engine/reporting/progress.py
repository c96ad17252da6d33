"""Progress of a run: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import torch
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Column

from genctl.output import PLAIN_SECONDS, Output

_HIDDEN = ("grad_norm", "rate/")

PACE_SECONDS = 30.0
"""The time that a rate is measured over; the speed of long ago says little about the rest."""


@dataclass(frozen=True)
class Reading:
    """The values that a progress display shows.

    Attributes:
        fraction: share of the budget that is spent.
        position: examples read so far.
        per_second: examples per second in the last half minute.
        seconds_left: seconds until the budget is spent; None when unknown.
        metrics: means since the last reading.
    """

    fraction: float
    position: int
    per_second: float
    seconds_left: float | None
    metrics: Mapping[str, float]


class Pace:
    """The rate of a training over the last `PACE_SECONDS`.

    Args:
        position: the number of examples read before.
    """

    def __init__(self, position: int) -> None:
        self._marks = deque([(time.monotonic(), position)])

    def rate(self, position: int) -> float:
        """Examples per second, at ``position`` examples now; 0 right after a set-back."""
        now = time.monotonic()
        if position < self._marks[-1][1]:
            self._marks.clear()
        self._marks.append((now, position))
        while len(self._marks) > 1 and self._marks[1][0] <= now - PACE_SECONDS:
            self._marks.popleft()
        then, before = self._marks[0]
        return (position - before) / max(now - then, 1e-9)


class Display:
    """Shows readings on the output.

    Args:
        output: the output; it shows a moving bar only on a terminal.
        unit: the unit of the counts, e.g. ``img``.
        device: the device whose memory use is shown.
    """

    def __init__(self, output: Output, unit: str, device: torch.device) -> None:
        self._output = output
        self._unit = unit
        self._device = device
        self._bar = _bar(output) if output.live else None
        self._task = self._bar.add_task("training", total=1.0, text="") if self._bar else None
        self._next_line = time.monotonic() + PLAIN_SECONDS

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, reading: Reading) -> None:
        """Update the display."""
        text = self._text(reading)
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=reading.fraction, text=text)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + PLAIN_SECONDS
            self._output.say(f"{reading.fraction:4.0%}  {text}")

    def _text(self, reading: Reading) -> str:
        left = "--:--" if reading.seconds_left is None else clock(reading.seconds_left)
        parts = [
            f"{count(reading.position)} {self._unit}",
            f"{reading.per_second:.0f} {self._unit}/s",
            f"{left} left",
        ]
        parts += [
            f"{name} {value:.3g}"
            for name, value in sorted(reading.metrics.items(), key=_losses_first)
            if not any(hidden in name for hidden in _HIDDEN)
        ]
        if self._device.type == "cuda":
            parts.append(f"{torch.cuda.max_memory_allocated(self._device) / 2**30:.1f} GiB")
        return "  ".join(parts)


def _losses_first(metric: tuple[str, float]) -> tuple[bool, str]:
    name, _ = metric
    return not name.endswith("loss"), name


def clock(seconds: float) -> str:
    """``4:07`` or ``1:02:33``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(number: int) -> str:
    """``950``, ``12.8k``, ``1.25M``."""
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= scale:
            return f"{number / scale:.3g}{letter}"
    return str(number)


def _bar(output: Output) -> Progress:
    return Progress(
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        # On a narrow terminal the metrics are cut, not the bar.
        TextColumn(
            "{task.fields[text]}",
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
        console=output.console,
        transient=True,
        expand=True,
    )
