"""A small training of each family, children that meet with faults, and what must then hold."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import genctl
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from tests.kills import at_step

STEPS = 12
SETTINGS = {
    "gan": ("width=8", "z_dim=8"),
    "lm": ("width=16", "depth=1", "heads=2", "kv_heads=1", "context=16", "tokenizer=byte"),
    "diffusion": ("width=8", "depth=1"),
}
BRIEF = ("evaluations=0", "checkpoint_seconds=1e-9", "optimizer=adam", "batch_size=4")
CRASHED = 99


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a child ended: its exit status, or minus the signal; what was wrong, in one line."""

    status: int
    message: str = ""


@dataclasses.dataclass(frozen=True)
class Rig:
    """One family, trained below ``root``."""

    family: str
    root: Path

    def train(self, name: str = "run", *sets: str, steps: int = STEPS) -> Run:
        """Train here, or go on."""
        return genctl.train(
            self.family,
            out=self.root / name,
            budget=f"{steps}steps",
            sets=(*SETTINGS[self.family], *BRIEF, *sets),
            threads=1,
            device="cpu",
        )

    def child(self, before: Callable[[], object] = lambda: None, *sets: str) -> Ended:
        """Train in a child of its own, in which ``before`` may break something first."""

        def work() -> None:
            before()
            self.train("run", *sets)

        return in_child(work)

    @property
    def command(self) -> list[str]:
        """The words after ``genctl`` that train the same."""
        sets = [word for key in (*SETTINGS[self.family], *BRIEF) for word in ("--set", key)]
        fixed = ["--budget", f"{STEPS}steps", "--threads", "1", "--device", "cpu"]
        return ["train", self.family, "--out", str(self.run.path), *fixed, *sets]

    @property
    def run(self) -> Run:
        return Run(self.root / "run")

    def afresh(self) -> None:
        """Forget the run."""
        shutil.rmtree(self.root / "run", ignore_errors=True)

    def goes_on(self) -> None:
        """The same command, if needed, ends with the bits of a training that met no fault."""
        if not self.run.finished:
            ended = self.child()
            assert ended.status == 0, ended.message
        expected, found = tensors(Run(whole(self.family))), tensors(self.run)
        assert expected.keys() == found.keys()
        different = [name for name in expected if not torch.equal(expected[name], found[name])]
        assert not different, f"other bits in {different[:3]}"

    def kept(self) -> None:
        """Whatever was complete is still there: the newest checkpoint that verifies, and config."""
        for path in checkpoint.all_checkpoints(self.run):
            if not path.name.startswith("."):
                assert not checkpoint.damage_of(path), f"{path.name}: {checkpoint.damage_of(path)}"


@functools.cache
def whole(family: str) -> Path:
    """A training without faults."""
    root = Path(tempfile.mkdtemp(prefix=f"genctl-whole-{family}-"))
    Rig(family, root).train("run")
    return root / "run"


def tensors(run: Run) -> dict[str, torch.Tensor]:
    """Weights, averages and moments of a finished run."""
    assert run.finished
    snapshot = checkpoint.read(checkpoint.choose(run, "last", print))
    return {f"{g}/{n}": t for g, group in snapshot.tensors.items() for n, t in group.items()}


def in_child(work: Callable[[], object]) -> Ended:
    """Run ``work`` in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        ended = Ended(0)
        try:
            work()
        except GenctlError as error:
            ended = Ended(int(error.code), error.message)
        except SystemExit as error:
            ended = Ended(int(error.code or 0))
        except KeyboardInterrupt:
            ended = Ended(int(ExitStatus.INTERRUPTED))
        except BaseException as error:  # noqa: BLE001
            ended = Ended(CRASHED, f"{type(error).__name__}: {error}")
        os.write(writing, json.dumps(dataclasses.astuple(ended)).encode())
        sys.stderr.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return Ended(-os.WTERMSIG(status))
    return Ended(*json.loads(said)) if said else Ended(os.waitstatus_to_exitcode(status))


def stop_at(index: int, *signals: signal.Signals) -> Callable[[], None]:
    """Send the child these signals before the step of that index."""

    def send() -> None:
        for number in signals:
            os.kill(os.getpid(), number)

    def before() -> None:
        at_step(index, send, pytest.MonkeyPatch())

    return before
