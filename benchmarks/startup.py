"""How long the command line takes to answer, beside an empty Typer app with as many verbs.

    python benchmarks/startup.py [ROUNDS]

The commands take turns, so that whatever else the machine does falls on all of them alike. Exits
with 1 when a command takes more than `LIMIT` times the empty app's ``--help``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 1.3
EMPTY_APP = """
import typer
app = typer.Typer()
for number in range(10):
    app.command(f"verb{number}")(lambda: None)
app()
"""
COMMANDS = {
    "genctl --help": ["-m", "genctl", "--help"],
    "genctl train gan --help": ["-m", "genctl", "train", "gan", "--help"],
    "genctl models": ["-m", "genctl", "models"],
}


def seconds(arguments: list[str]) -> float:
    """Wall-clock time of one run of this Python."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "empty.py"
        script.write_text(EMPTY_APP)
        commands = {"empty app --help": [str(script), "--help"], **COMMANDS}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(rounds + 1):
            for name, arguments in commands.items():
                taken = seconds(arguments)
                if turn:  # the first round warms the disk's cache
                    times[name].append(taken)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    empty = medians["empty app --help"]
    for name, median in medians.items():
        print(f"{name:<24} {1000 * median:6.0f} ms  {median / empty:.2f}x")
    return int(max(medians.values()) > LIMIT * empty)


if __name__ == "__main__":
    sys.exit(main())
