"""Contenders at the same time, each pinned to cores of its own.

What else a shared machine does then harms them alike, and nobody waits for another's threads.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

Command = Callable[[int], Sequence[str]]
"""From a number of threads to the words after ``python``."""


def parser(description: str, minutes: float) -> argparse.ArgumentParser:
    """The options that such benchmarks share."""
    options = argparse.ArgumentParser(description=description.partition("\n")[0])
    options.add_argument("--minutes", type=float, default=minutes, help="of each and of each seed")
    options.add_argument("--seeds", default="0", help="e.g. 0,1,2")
    options.add_argument("--beside", type=int, default=2, help="contenders at a time")
    options.add_argument("--only", default="", help="names of contenders")
    options.add_argument("--out", type=Path, default=None, help="keep runs and pictures here")
    return options


def turns(options: argparse.Namespace, contenders: Sequence[str]) -> list[tuple[str, int]]:
    """(contender, seed): those that are wanted, a seed after the other."""
    chosen = options.only.split(",") if options.only else contenders
    return [(name, seed) for seed in map(int, options.seeds.split(",")) for name in chosen]


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
