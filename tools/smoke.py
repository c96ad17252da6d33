"""Train, sample, evaluate and export every registered family, briefly, as a person would type it.

    python tools/smoke.py

One line a verb; the exit status is 1 if any of them failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 300


def genctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line, with nothing to read on stdin."""
    return subprocess.run(
        [sys.executable, "-m", "genctl", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LIMIT_SECONDS,
        check=False,
    )


def commands(family: dict[str, Any], folder: Path) -> Iterator[tuple[str, ...]]:
    """The commands, in order, for one entry of ``genctl models --json``."""
    run = str(folder / family["name"])
    yield ("train", family["name"], "--budget", "20steps", "--out", run)
    if family["makes"] is not None:
        yield ("sample", run, "--n", "4")
    yield ("eval", "all", run, "--n", "64")
    for form in ("safetensors", *family["exports"]):
        yield ("export", run, "--format", form)


def passes(name: str, command: tuple[str, ...]) -> bool:
    """Run ``command`` and say in one line how it went, with its own words when it failed."""
    started = time.monotonic()
    done = genctl(*command)
    seconds = time.monotonic() - started
    verdict = "ok" if done.returncode == 0 else f"exit {done.returncode}"
    what = f"{command[0]} {command[3]}" if command[0] == "export" else command[0]
    print(f"{name:<12} {what:<20} {verdict:<8} {seconds:5.1f} s", flush=True)
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr, flush=True)
    return done.returncode == 0


def main() -> int:
    listing = genctl("models", "--json")
    if listing.returncode != 0:
        print(listing.stderr, file=sys.stderr)
        return 1
    outcomes = []
    for family in json.loads(listing.stdout)["models"]:
        with tempfile.TemporaryDirectory(prefix="genctl-smoke-") as folder:
            for command in commands(family, Path(folder)):
                outcomes.append(passes(family["name"], command))
                if not outcomes[-1] and command[0] == "train":
                    break
    failed = outcomes.count(False)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
