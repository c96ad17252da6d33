"""How fast each family trains in one process and in several, on an idle machine and on a busy one.

    python benchmarks/busy.py [--rounds 3]

The contenders take turns. On the busy machine another program computes all the time on one core.
A rate is that of the second half of a training, so that starting does not count. Run it on a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from machine import machine

from genctl.engine.reporting.loggers import read_rows

CORES = len(os.sched_getaffinity(0))
MODES = {
    "one process": ["--nproc", "1", "--threads", str(CORES)],
    "a process a core": ["--nproc", str(CORES), "--threads", "1"],
}
OTHER_PROGRAM = "while True: sum(range(1000))"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--families", default="gan,lm,diffusion")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=40, help="of each training")
    options = parser.parse_args()
    print(f"{machine(CORES)}; {options.rounds} trainings of {options.seconds} s each\n")
    print("| examples/s | " + " | ".join(f"{m}, idle | {m}, busy" for m in MODES) + " |")
    print(f"|---|{'--:|' * 2 * len(MODES)}")
    for family in options.families.split(","):
        rates: dict[tuple[str, bool], list[float]] = {
            (m, b): [] for m in MODES for b in (False, True)
        }
        for _ in range(options.rounds):
            for (mode, busy), found in rates.items():
                with other_program() if busy else contextlib.nullcontext():
                    found.append(rate(family, MODES[mode], options.seconds))
        first = statistics.median(rates[next(iter(rates))])
        cells = (f"{(m := statistics.median(r)):.0f} ({m / first:.0%})" for r in rates.values())
        print(f"| {family} | {' | '.join(cells)} |", flush=True)


@contextlib.contextmanager
def other_program() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", OTHER_PROGRAM])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def rate(family: str, words: list[str], seconds: int) -> float:
    """Examples a second of a training with the family's default preset."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = ["train", family, "--budget", f"{seconds}s", "--set", "evaluations=0", *words]
        subprocess.run(
            [sys.executable, "-m", "genctl", *command, "--out", str(run), "--quiet"], check=True
        )
        rows = read_rows(run / "metrics.jsonl")
    half = next(row for row in rows if row["elapsed"] >= seconds / 2)
    done = float(rows[-1]["position"] - half["position"])
    return done / float(rows[-1]["elapsed"] - half["elapsed"])


if __name__ == "__main__":
    main()
