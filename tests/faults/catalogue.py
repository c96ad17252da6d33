"""Each fault once, at a moment that a random generator chooses; an assertion says what was lost."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from genctl.contracts import Batch, Loss, Phase
from genctl.engine.reporting.loggers import read_rows
from genctl.engine.training import checkpoint
from genctl.engine.training.context import StepState
from genctl.engine.training.gradients import PhaseGradients
from genctl.engine.training.nonfinite_guard import MAX_ATTEMPTS, MAX_SKIPPED
from genctl.errors import ExitStatus
from tests.bad_gradients import spoil_gradients
from tests.faults.disk import ERRORS, Failing, Operations
from tests.faults.restarted import RANKS, train_restarted
from tests.faults.rig import CRASHED, STEPS, Ended, Rig, in_child, stop_at
from tests.kills import at_step, die

Fault = Callable[[Rig, random.Random], None]


def killed_at_a_step(rig: Rig, rng: random.Random) -> None:
    """``kill -9`` between two steps; the checkpoint before it is used."""
    step = rng.randrange(1, STEPS)
    assert rig.child(stop_at(step, signal.SIGKILL)).status == -signal.SIGKILL
    rig.goes_on()


def killed_at_a_file_operation(rig: Rig, rng: random.Random) -> None:
    """``kill -9`` inside a checkpoint, a pointer, a preview or the new run itself."""
    operation = rng.randrange(1, _operations(rig))
    ended = rig.child(Operations(operation, die).install)
    assert ended.status == -signal.SIGKILL, f"operation {operation}: {ended}"
    rig.kept()
    rig.goes_on()


def killed_under_torchrun(rig: Rig, rng: random.Random) -> None:
    """``kill -9`` of one of two: torchrun starts both again, and the end has the same bits."""
    train_restarted(rig, rng.randrange(RANKS), rng.randrange(STEPS), rng.choice((1, 1, 1, 2)))


def stopped(rig: Rig, rng: random.Random) -> None:
    """SIGTERM or SIGINT once: saved at that very step, with the status that shells expect."""
    number, step = rng.choice((signal.SIGTERM, signal.SIGINT)), rng.randrange(1, STEPS - 1)
    ended = rig.child(stop_at(step, number))
    assert ended.status == 128 + number, ended
    assert rig.run.read("last.json")["step"] == step + 1
    rig.goes_on()


def stopped_twice(rig: Rig, rng: random.Random) -> None:
    """Twice: ends at once, and loses nothing that was saved."""
    number, step = rng.choice((signal.SIGTERM, signal.SIGINT)), rng.randrange(2, STEPS)
    ended = rig.child(stop_at(step, number, number))
    assert ended.status == 128 + number, ended
    assert rig.run.read("last.json")["step"] == step
    rig.goes_on()


def disk_fails(rig: Rig, rng: random.Random) -> None:
    """Full, read-only, locked or broken from some operation on: one line, and it goes on later."""
    name = rng.choice(sorted(ERRORS))
    operation = rng.randrange(1, _operations(rig))
    ended = rig.child(Failing(operation, ERRORS[name]).install)
    assert ended.status in (0, ExitStatus.FAILURE), f"{name} at {operation}: {ended}"
    if ended.status:
        assert "\n" not in ended.message
    rig.kept()
    rig.goes_on()


def damaged_checkpoint(rig: Rig, rng: random.Random) -> None:
    """A flipped byte or a lost end in a file of the newest checkpoint: the one before is used."""
    rig.child(stop_at(rng.randrange(3, STEPS), signal.SIGTERM))
    newest = checkpoint.all_checkpoints(rig.run)[-1]
    _damage(rng.choice(sorted(newest.iterdir())), rng)
    rig.goes_on()


def damaged_document(rig: Rig, rng: random.Random) -> None:
    """The same in any other file of the run: refused in one line, or it makes no difference."""
    rig.child(stop_at(rng.randrange(3, STEPS), signal.SIGTERM))
    files = [p for p in rig.run.path.rglob("*") if p.is_file() and "checkpoints" not in p.parts]
    broken = rng.choice(sorted(path for path in files if path.stat().st_size))
    content = broken.read_bytes()
    _damage(broken, rng)
    ended = rig.child()
    if ended.status == 0:
        rig.goes_on()
        return
    assert ended.status in (ExitStatus.FAILURE, ExitStatus.DATA, ExitStatus.USAGE), (
        f"{broken.name}: {ended}"
    )
    assert "\n" not in ended.message
    broken.write_bytes(content)
    rig.goes_on()


def two_at_once(rig: Rig, rng: random.Random) -> None:
    """A second process is refused; the first one does not notice."""
    second: list[Ended] = []

    def interrupted() -> None:
        second.append(in_child(lambda: rig.train()))
        assert second[0].status == ExitStatus.FAILURE, second

    def before() -> None:
        at_step(rng.randrange(1, STEPS), interrupted, pytest.MonkeyPatch())

    ended = rig.child(before)
    assert ended.status == 0, ended
    rig.goes_on()


def clock_jumps(rig: Rig, rng: random.Random) -> None:
    """The clock is set a day on or back, and the machine sleeps for an hour."""
    by, real = rng.choice((-86_400.0, 86_400.0)), (time.time, time.monotonic)

    def jump() -> None:
        time.time = lambda: real[0]() + by
        time.monotonic = lambda: real[1]() + 3600.0

    def before() -> None:
        at_step(rng.randrange(STEPS), jump, pytest.MonkeyPatch())

    ended = rig.child(before)
    assert ended.status == 0, ended
    rig.goes_on()


def out_of_memory(rig: Rig, rng: random.Random) -> None:
    """Memory for two examples at a time is left: micro-batches become smaller, batches do not."""
    first = rng.randrange(STEPS)
    ended = rig.child(lambda: _short_of_memory(first))
    assert ended.status == 0, ended
    assert rig.run.finished
    assert rig.run.read("resolved.json")["micro_batch"] == 2
    assert rig.run.read("last.json")["position"] == STEPS * 4


def one_bad_gradient(rig: Rig, rng: random.Random) -> None:
    """One step whose gradients are not finite is left out."""
    bad = rng.randrange(STEPS)
    ended = rig.child(lambda: spoil_gradients(pytest.MonkeyPatch(), range(bad, bad + 1)))
    assert ended.status == 0, ended
    snapshot = checkpoint.read(checkpoint.choose(rig.run, "last", print))
    assert (snapshot.finite, snapshot.attempt) == (True, 0)


def bad_gradients(rig: Rig, rng: random.Random) -> None:
    """All of them from some step on: set back, then given up, and the good weights stay."""
    bad = rng.randrange(2, STEPS)
    steps = STEPS + (MAX_ATTEMPTS + 1) * MAX_SKIPPED

    def work() -> None:
        spoil_gradients(pytest.MonkeyPatch(), range(bad, steps))
        rig.train(steps=steps)

    ended = in_child(work)
    assert ended.status == ExitStatus.NON_FINITE, ended
    snapshot = checkpoint.read(checkpoint.choose(rig.run, "last", print))
    assert snapshot.finite
    assert read_rows(rig.run.path / "metrics.jsonl")


UNDER_TORCHRUN = "kill -9 under torchrun"
FAULTS: Mapping[str, Fault] = {
    "kill -9 between steps": killed_at_a_step,
    "kill -9 at a file operation": killed_at_a_file_operation,
    UNDER_TORCHRUN: killed_under_torchrun,
    "SIGTERM or SIGINT": stopped,
    "SIGTERM or SIGINT twice": stopped_twice,
    "disk full, read-only, locked or broken": disk_fails,
    "damaged checkpoint": damaged_checkpoint,
    "damaged document, metrics or picture": damaged_document,
    "two processes on one run": two_at_once,
    "clock set and machine asleep": clock_jumps,
    "out of memory": out_of_memory,
    "one non-finite gradient": one_bad_gradient,
    "non-finite gradients": bad_gradients,
}

EXPENSIVE = (UNDER_TORCHRUN,)
"""Faults that start several processes, each of which imports torch."""

_COUNTED: dict[str, int] = {}


def _operations(rig: Rig) -> int:
    """How many operations on files a whole training makes."""
    if rig.family not in _COUNTED:
        log = Path(rig.root / "operations")

        def work() -> None:
            counter = Operations()
            counter.install()
            rig.train("counted")
            with log.open("w") as file:
                file.write(str(counter.count))

        assert in_child(work).status == 0
        _COUNTED[rig.family] = int(log.read_text())
    return _COUNTED[rig.family]


def _damage(path: Path, rng: random.Random) -> None:
    """Flip a byte, or lose the end."""
    content = bytearray(path.read_bytes())
    place = rng.randrange(len(content))
    if rng.random() < 0.5:
        content[place] ^= 1 << rng.randrange(8)
    else:
        del content[place:]
    path.write_bytes(content)
    os.utime(path)


def _short_of_memory(first: int) -> None:
    separate_loss = PhaseGradients._separate_loss

    def limited(self: PhaseGradients, phase: Phase, part: Batch, state: StepState) -> Loss:
        if state.index >= first and len(part.positions) > 2:
            raise torch.OutOfMemoryError("simulated")
        return separate_loss(self, phase, part, state)

    PhaseGradients._separate_loss = limited  # type: ignore[method-assign]


assert CRASHED not in set(ExitStatus)
