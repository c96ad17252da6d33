"""``train``: from a family's name to a finished run."""

from __future__ import annotations

import dataclasses
import platform
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from genctl import runs
from genctl.api.models.cards import run_card
from genctl.api.training.parents import FILE as PARENTS
from genctl.api.training.parents import copy_parents, identities
from genctl.api.training.request import TrainRequest
from genctl.api.training.session import Session, open_session
from genctl.engine.devices import restored_threads
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.parallel.shared_memory import SharedMemory
from genctl.engine.reporting.loggers import logger_type, open_loggers
from genctl.engine.training import checkpoint
from genctl.engine.training.budget import Budget
from genctl.engine.training.loop import Loop
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.worker_loop import run_worker
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.files import make_directory, write_atomic
from genctl.output import QUIET, Output
from genctl.runs import Run
from genctl.staging import staged
from genctl.version import VERSION


@restored_threads()
def run_training(
    request: TrainRequest,
    output: Output = QUIET,
    started: float | None = None,
    memory: SharedMemory | None = None,
) -> Run:
    """Train a family, or resume an unfinished run of the same configuration and data.

    Under torchrun all processes train one run together; if rank 0 fails, the others end silently
    with its exit status.

    Args:
        started: the value of `time.monotonic` when a wall-clock budget began; now when None.
        memory: what several processes share, if they train on the CPU of one machine.

    Raises:
        GenctlError: the input is invalid, or training failed; what was saved stays.
    """
    started = time.monotonic() if started is None else started
    world = ProcessGroup.join(request.device, memory)
    try:
        return _train(request, output if world.is_main else Output.silent(), started, world)
    finally:
        world.destroy()


def _train(request: TrainRequest, output: Output, started: float, world: ProcessGroup) -> Run:
    world.run_on_all_ranks(lambda: [logger_type(name) for name in request.log])
    session = open_session(request, output, world)
    run = session.run or Run(
        Path(world.broadcast_from_rank0(lambda: str(_new_run(request, session).path)))
    )
    if not world.is_main:
        run_worker(session.trainer, run, world)
        return run
    try:
        _lead(request, session, run, output, started)
    finally:
        world.end_workers()
    return run


def _lead(
    request: TrainRequest, session: Session, run: Run, output: Output, started: float
) -> None:
    with run.lock(output.warn):
        _refuse_finished(run)
        _record(run, session)
        output.say(_headline(run, session))
        loop = Loop(
            session.trainer,
            run,
            session.budget,
            session.config.train,
            hooks=session.callbacks,
            output=output,
            unit=session.dataset.spec.unit,
            units_per_example=session.dataset.spec.units_per_example,
            loggers=open_loggers(request.log, run, session.config.to_json()),
            started=started,
        )
        loop.run()
        write_atomic(run.path / "README.md", run_card(run, session.config, session.dataset.spec))
        checkpoint.mark_finished(run)


def _refuse_finished(run: Run) -> None:
    """Refuse a run that another process has finished since it was looked up."""
    if run.finished:
        raise GenctlError(
            ExitStatus.FAILURE,
            f"another process has finished {run.path} meanwhile",
            hint=f"start another run with {opt('new')}, or in another {opt('out')}",
            option="out",
        )


def _new_run(request: TrainRequest, session: Session) -> Run:
    """Create a directory with all documents of the run, atomically."""
    data = session.dataset.spec
    path = request.place or runs.create(runs.stem_of(session.spec.name, data.name)).path
    with staged(path, last="config.json") as stage:
        run = Run(stage)
        copy_parents(session.parents, session.config, stage / "parents")
        for name, content in session.dataset.assets.items():
            make_directory((stage / name).parent)
            (stage / name).write_bytes(content)
        run.write(PARENTS, identities(session.parents, session.config))
        run.write("resolved.json", dataclasses.asdict(session.settings))
        run.write("data.json", data.to_json())
        run.write(
            "config.json",
            {"config": session.config.to_json(), "origins": dict(session.config.origins)},
        )
        if session.callbacks.references:
            session.callbacks.references(make_directory(run.samples))
    return Run(path)


def _record(run: Run, session: Session) -> None:
    """Add this start to ``env.json``."""
    starts: Iterable[Any] = (run.read("env.json") or {"starts": []})["starts"]
    here = {
        "started": runs.started_now(),
        "command": sys.argv,
        "genctl": VERSION,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "device": _device_name(session.trainer.device),
    }
    run.write("env.json", {"starts": [*starts, here]})


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.processor() or platform.machine()})"


def _reproducibility(budget: Budget, settings: RunSettings) -> str:
    """How reproducible the run is, in the terms of docs/architecture.md."""
    if budget.examples is not None:
        if settings.device != "cpu" and not settings.deterministic:
            return (
                "the same command gives the same weights up to rounding; "
                "the setting train.deterministic=true makes them equal bit for bit"
            )
        return "the same command gives the same weights, bit for bit, on this machine"
    return "a budget in time gives weights that are as good on average, but not identical"


def _headline(run: Run, session: Session) -> str:
    data, settings = session.dataset.spec, session.settings
    sizes = ", ".join(f"{role} {count / 1e6:.2f}M" for role, count in session.parameters.items())
    return "\n".join(
        (
            f"{session.spec.name} on {data.name} ({session.config.kind}): "
            f"{data.in_words(data.examples)}"
            + (f", {data.num_classes} classes" if data.num_classes else ""),
            f"preset {session.config.preset}: {sizes} parameters; "
            f"budget {session.config.train.budget}, batch {settings.batch_size}, "
            f"{settings.device}, {settings.precision}, {settings.threads} threads, "
            f"seed {settings.seed}"
            + (f", {session.world.size} processes" if session.world.size > 1 else ""),
            *session.objective.notes,
            f"run {run.path}: {_reproducibility(session.budget, settings)}",
        )
    )
