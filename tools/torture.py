"""Every fault of ``tests/faults`` for every family, again and again at moments chosen at random.

Prints the table of docs/reliability.md and ends with 1 if anything was lost.

    python tools/torture.py --rounds 40
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faults.catalogue import EXPENSIVE, FAULTS
from tests.faults.rig import SETTINGS, Rig

ROUNDS_OF_EXPENSIVE = 20
"""Faults that take half a minute meet with one family in each of so many rounds."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40, help="of each fault and family")
    parser.add_argument("--minutes", type=float, default=40, help="begin no round after these")
    parser.add_argument("--only", choices=FAULTS, metavar="FAULT", help="one of the table")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    faults = [options.only] if options.only else list(FAULTS)
    survived: Counter[tuple[str, str]] = Counter()
    lost: list[str] = []
    end = time.monotonic() + 60 * options.minutes
    for round_ in range(options.rounds):
        if time.monotonic() > end:
            break
        for fault in faults:
            for family in _families(fault, round_):
                failure = _attempt(family, fault, f"{options.seed} {round_} {family} {fault}")
                if failure:
                    lost.append(failure)
                    print(failure, file=sys.stderr, flush=True)
                else:
                    survived[fault, family] += 1
    print(_table(faults, survived))
    print(f"\n{survived.total():,} faults survived, {len(lost)} not")
    return 1 if lost else 0


def _families(fault: str, round_: int) -> Sequence[str]:
    """The families that meet with ``fault`` in this round."""
    families = tuple(SETTINGS)
    if fault not in EXPENSIVE:
        return families
    return (families[round_ % len(families)],) if round_ < ROUNDS_OF_EXPENSIVE else ()


def _attempt(family: str, fault: str, seed: str) -> str:
    """What was lost, if anything."""
    with tempfile.TemporaryDirectory(prefix="genctl-torture-") as folder:
        try:
            FAULTS[fault](Rig(family, Path(folder)), random.Random(seed))
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            return f"{family}, {fault}, seed {seed!r}:\n{traceback.format_exc()}"
    return ""


def _table(faults: Iterable[str], survived: Counter[tuple[str, str]]) -> str:
    lines = [f"| fault | what must hold | {' | '.join(SETTINGS)} |"]
    lines.append(f"|---|---|{'--:|' * len(SETTINGS)}")
    for fault in faults:
        meaning = " ".join((FAULTS[fault].__doc__ or "").split()).replace("``", "`")
        counts = " | ".join(str(survived[fault, family]) for family in SETTINGS)
        lines.append(f"| {fault} | {meaning} | {counts} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
