"""Where a training step's time goes, for every family at its default preset on a CPU.

    python benchmarks/steps.py

- data: waiting for the batch; loss: the objective; backward; optimizer; average: of the weights;
  engine: all the rest, such as norms of gradients, noise and bookkeeping;
- outside operators: the share of the time in which no operator of torch ran, which is Python's. It
  is counted while torch's profiler runs; what a step takes longer with it than without is taken
  off, evenly from all that it records. At most: the same with nothing taken off.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from machine import machine

from genctl.api.training.request import TrainRequest
from genctl.api.training.session import open_session
from genctl.engine.training.trainer import Trainer
from genctl.output import Output

PARTS = ("data", "loss", "backward", "optimizer", "average", "engine")
WARM_UP = 16
TURN = 8
OPERATORS = ("aten::", "autograd::engine", "torch::autograd")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--families", default="gan,lm,diffusion")
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print(f"{machine(options.threads)}; {options.steps} steps\n")
    print(f"| | ms a step | {' | '.join(PARTS)} | outside operators | at most |")
    print(f"|---|--:|{'--:|' * len(PARTS)}--:|--:|")
    for family in options.families.split(","):
        session = open_session(TrainRequest(family, new=True, threads=options.threads), Output())
        trainer = session.trainer
        _run(trainer, WARM_UP)
        seconds, shares = _shares(trainer, options.steps)
        cells = " | ".join(f"{shares[part]:.1%}" for part in PARTS)
        outside, most = _outside_operators(trainer, options.steps)
        name = f"{family} `{session.config.preset}`"
        print(
            f"| {name} | {1000 * seconds:.1f} | {cells} | {outside:.1%} | {most:.1%} |", flush=True
        )


def _run(trainer: Trainer, steps: int) -> float:
    """How long that many steps take, in seconds."""
    begun = time.perf_counter()
    for _ in range(steps):
        trainer.step(0.1)
    return time.perf_counter() - begun


def _shares(trainer: Trainer, steps: int) -> tuple[float, dict[str, float]]:
    """Seconds a step, and the share of each of `PARTS`."""
    spent: dict[str, float] = defaultdict(float)
    watched = (
        (trainer, "_next_batches", "data"),
        (trainer.objective, "loss", "loss"),
        (trainer, "_backward", "backward"),
        (trainer, "_move", "optimizer"),
        (trainer.ema, "update", "average"),
    )
    for owner, name, part in watched:
        setattr(owner, name, _timed(getattr(owner, name), part, spent))
    whole = _run(trainer, steps)
    for owner, name, _ in watched:
        delattr(owner, name)
    spent["backward"] -= spent["loss"]
    spent["engine"] = whole - sum(spent.values())
    return whole / steps, {part: spent[part] / whole for part in PARTS}


def _timed(work: Callable[..., Any], part: str, spent: dict[str, float]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        begun = time.perf_counter()
        result = work(*arguments)
        spent[part] += time.perf_counter() - begun
        return result

    return run


def _outside_operators(trainer: Trainer, steps: int) -> tuple[float, float]:
    """The share of some steps' time in which no operator ran, and the most that it can be.

    Plain and profiled steps take turns, so that what else the machine does falls on both alike.
    """
    plain = watched = inside = 0.0
    events = nested = 0
    for _ in range(steps // TURN):
        plain += _run(trainer, TURN)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            watched += _run(trainer, TURN)
        spans = _spans(profile)
        seconds, outer = _covered(spans)
        inside += seconds
        events += len(spans)
        nested += len(spans) - outer
    of_an_event = max(0.0, watched - plain) / events
    return 1 - (inside - of_an_event * nested) / plain, 1 - inside / watched


def _spans(profile: torch.profiler.profile) -> list[tuple[float, float]]:
    """When each operator began and ended, in microseconds, by when it began."""
    return sorted(
        (event.time_range.start, event.time_range.end)
        for event in profile.events() or ()
        if event.name.startswith(OPERATORS)
    )


def _covered(spans: list[tuple[float, float]]) -> tuple[float, int]:
    """Seconds in which some operator ran, and how many were not called by another one."""
    inside = end = 0.0
    outer = 0
    for start, stop in spans:
        outer += start >= end
        inside += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return inside / 1e6, outer


if __name__ == "__main__":
    main()
