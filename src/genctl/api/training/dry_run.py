"""The time and memory that a training would take, from a short probe that writes nothing."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from genctl import runs
from genctl.api.training.request import TrainRequest
from genctl.api.training.session import open_session
from genctl.engine.devices import restored_threads
from genctl.engine.reporting.progress import clock
from genctl.engine.training.trainer import Trainer
from genctl.output import Output

WARM_UP_STEPS = 2
PROBE_SECONDS = 3.0
LONGEST_PROBE_SECONDS = 10.0
"""The limit for one whole cycle of steps, some of which take longer than others."""


@dataclass(frozen=True)
class DryRun:
    """The plan of a training, and what a probe of it measured on this machine.

    Attributes:
        resumes: the run that would be resumed; None for a new one.
        place: where a new run would be created: the requested folder, or the root.
        step: where training would start.
        parameters: module -> number of parameters.
        examples_per_second: the speed of training alone, without previews, scores and checkpoints.
        examples: the number of examples at the end.
        steps: the number of steps at the end.
        estimated: whether these two numbers are estimates, as for a budget in time.
        seconds: the approximate time until the end.
        memory_bytes: the peak so far: of the device on CUDA, otherwise of this process; None if
            the system does not report it.
        checkpoint_bytes: the size of one checkpoint on the disk.
        checkpoints_kept: the number of checkpoints that are kept, besides the best.
    """

    family: str
    preset: str
    data: str
    device: str
    precision: str
    budget: str
    resumes: Path | None
    place: Path
    step: int
    parameters: Mapping[str, int]
    examples_per_second: float
    examples: int
    steps: int
    estimated: bool
    seconds: float
    memory_bytes: int | None
    checkpoint_bytes: int
    checkpoints_kept: int

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        resumes = None if self.resumes is None else str(self.resumes)
        return asdict(self) | {"resumes": resumes, "place": str(self.place)}

    def __str__(self) -> str:
        """The plan as text for people."""
        about = "about " if self.estimated else ""
        sizes = ", ".join(f"{role} {count:,}" for role, count in self.parameters.items())
        place = f"{self.device} in {self.precision}"
        memory = "unknown" if self.memory_bytes is None else _mebibytes(self.memory_bytes)
        goes = f"a new run in {self.place}"
        if self.resumes:
            goes = f"resumes {self.resumes} from step {self.step}"
        kept = f"{self.checkpoints_kept} and the best are kept"
        rows = {
            "plan": f"{self.family} (preset {self.preset}) on {self.data}; {goes}",
            "parameters": sizes,
            "budget": f"{self.budget}: {about}{self.steps:,} steps, {self.examples:,} examples",
            "speed": f"{self.examples_per_second:,.0f} examples/s on {place}",
            "time": f"about {clock(self.seconds)} left",
            "memory": f"{memory} peak so far",
            "disk": f"{_mebibytes(self.checkpoint_bytes)} per checkpoint; the last {kept}",
        }
        return "\n".join(f"{name:<11} {text}" for name, text in rows.items())


@restored_threads()
def dry_run(request: TrainRequest, output: Output) -> DryRun:
    """Set up a training as `genctl.train` would, and time a few of its steps.

    Raises:
        GenctlError: as `open_session`.
    """
    session = open_session(request, output)
    rate = _measure(session.trainer)
    last = (session.run.read("last.json") or {}) if session.run else {}
    budget, position = session.budget, last.get("position", 0)
    if budget.examples is not None:
        examples = budget.examples
        seconds = (examples - position) / rate
    else:
        seconds = max((budget.seconds or 0.0) - last.get("elapsed", 0.0), 0.0)
        examples = position + int(rate * seconds)
    snapshot = session.trainer.snapshot(0.0)
    return DryRun(
        family=session.spec.name,
        preset=session.config.preset,
        data=session.dataset.spec.source,
        device=session.settings.device,
        precision=session.settings.precision,
        budget=session.config.train.budget,
        resumes=session.run.path if session.run else None,
        place=request.place or runs.runs_root(),
        step=last.get("step", 0),
        parameters=session.parameters,
        examples_per_second=rate,
        examples=examples,
        steps=examples // session.trainer.examples_per_step,
        estimated=budget.examples is None,
        seconds=seconds,
        memory_bytes=_peak_memory(session.trainer.device),
        checkpoint_bytes=sum(t.nbytes for g in snapshot.tensors.values() for t in g.values()),
        checkpoints_kept=session.config.train.keep_last,
    )


def _measure(trainer: Trainer) -> float:
    """Examples per second over whole cycles of the phases, after a warm-up."""
    phases = trainer.objective.phases
    cycle = math.lcm(*(max(phase.second_order, 1) * phase.every for phase in phases))
    for _ in range(WARM_UP_STEPS):
        trainer.step(0.0)
    begun, steps = time.perf_counter(), 0
    while True:
        trainer.step(0.0)
        steps += 1
        taken = time.perf_counter() - begun
        whole = steps % cycle == 0
        if (whole and taken >= PROBE_SECONDS) or taken >= LONGEST_PROBE_SECONDS:
            return steps * trainer.examples_per_step / taken


def _peak_memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
