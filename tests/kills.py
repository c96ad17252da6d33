"""Killing a training and comparing what is left: for tests of resuming."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

import pytest
import torch

from genctl.engine.training import checkpoint
from genctl.engine.training.reports import PhaseReport
from genctl.engine.training.trainer import Trainer
from genctl.runs import Run

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked, not spawned")


DYING = "dying"
PIPE_BUF = 4096
_report: int | None = None
"""Where a child of `killed` tells its parent how it ends."""


def die(*_: object) -> None:
    """End as ``kill -9`` ends a process."""
    if _report is not None:
        os.write(_report, DYING.encode())
    os.kill(os.getpid(), signal.SIGKILL)


def killed(work: Callable[[], object]) -> bool:
    """Run ``work`` in a forked child; whether it came to `die`.

    Raises:
        AssertionError: something else ended the child, such as an error, which is in the message,
            or a SIGKILL of the system for want of memory.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        global _report
        os.close(reader)
        _report = writer
        try:
            work()
        except BaseException:  # noqa: BLE001
            os.write(writer, traceback.format_exc().encode()[-PIPE_BUF:])
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        last_words = said.read().decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    by_kill = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert last_words in ("", DYING), f"the child failed:\n{last_words}"
    assert by_kill == (last_words == DYING), f"the child ended with the wait status {status}"
    return by_kill


def at_step(index: int, then: Callable[[], object], patch: pytest.MonkeyPatch) -> None:
    """Let `Trainer.step` call ``then`` before the step of that index, until ``patch`` is undone."""
    whole_step = Trainer.step

    def step(self: Trainer, fraction: float) -> dict[str, PhaseReport]:
        if self.index == index:
            then()
        return whole_step(self, fraction)

    patch.setattr(Trainer, "step", step)


def killed_at_step(index: int, work: Callable[[], object]) -> bool:
    """Run ``work`` in a forked child that dies before the step of that index."""

    def until() -> None:
        at_step(index, die, pytest.MonkeyPatch())
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
