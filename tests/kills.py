"""Killing a training and comparing what is left: for tests of resuming."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
import torch

from genctl.engine.training import checkpoint
from genctl.engine.training.trainer import Trainer
from genctl.runs import Run

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked, not spawned")


def die(*_: object) -> None:
    """End as ``kill -9`` ends a process."""
    os.kill(os.getpid(), signal.SIGKILL)


def killed(work: Callable[[], object]) -> bool:
    """Run ``work`` in a forked child; whether SIGKILL ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def at_step(index: int, then: Callable[[], object]) -> Callable[[Trainer, float], object]:
    """A `Trainer.step` that calls ``then`` before the step of that index."""
    whole_step = Trainer.step

    def step(self: Trainer, fraction: float) -> object:
        if self.index == index:
            then()
        return whole_step(self, fraction)

    return step


def killed_at_step(index: int, work: Callable[[], object]) -> bool:
    """Run ``work`` in a forked child that dies before the step of that index."""

    def until() -> None:
        Trainer.step = at_step(index, die)  # type: ignore[method-assign,assignment]
        work()

    return killed(until)


def assert_same_end(one: Run, other: Run) -> None:
    """Weights, averages and moments at the end of both runs are the same bits."""
    expected, found = _everything(one), _everything(other)
    assert expected.keys() == found.keys()
    assert not [name for name in expected if not torch.equal(expected[name], found[name])]


def _everything(run: Run) -> dict[str, torch.Tensor]:
    assert run.finished
    snapshot = checkpoint.read(checkpoint.choose(run, "last", print))
    return {
        f"{group}/{name}": tensor
        for group, tensors in snapshot.tensors.items()
        for name, tensor in tensors.items()
    }
