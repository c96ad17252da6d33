"""Contenders at the same time, each pinned to cores of its own.

What else a shared machine does then harms them alike, and nobody waits for another's threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

Command = Callable[[int], Sequence[str]]
"""From a number of threads to the words after ``python``."""


def threads_of_each(beside: int) -> int:
    """How many cores a contender has where ``beside`` run at a time."""
    return max(1, len(os.sched_getaffinity(0)) // beside)


def run(commands: Sequence[Command], beside: int) -> None:
    """Run them all, ``beside`` at a time, and end the benchmark if one of them fails."""
    cores, share = sorted(os.sched_getaffinity(0)), threads_of_each(beside)
    for start in range(0, len(commands), beside):
        running = []
        for place, command in enumerate(commands[start : start + beside]):
            own = ",".join(map(str, cores[place * share : (place + 1) * share]))
            words = ["taskset", "-c", own, sys.executable, *command(share)]
            environment = {**os.environ, "OMP_NUM_THREADS": str(share)}
            running.append(subprocess.Popen(words, env=environment))
        for process in running:
            if process.wait():
                sys.exit(f"a contender ended with {process.returncode}")
