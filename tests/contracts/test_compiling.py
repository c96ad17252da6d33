"""Compiling changes how fast a run is, and nothing else."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
import torch

from genctl.api.training.request import TrainRequest
from genctl.api.training.train import run_training
from genctl.engine.training import checkpoint
from genctl.engine.training.trainer import Trainer
from genctl.output import QUIET, Mode, Output
from genctl.runs import Run
from tests.processes import in_own_process

needs_compiler = pytest.mark.skipif(not shutil.which("c++"), reason="needs a C++ compiler")


def train(family: str, out: Path, *sets: str, output: Output = QUIET) -> Run:
    sets = ("dropout=0", *sets)
    request = TrainRequest(family, out=out, budget="4steps", sets=sets, threads=1)
    return run_training(request, output)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return checkpoint.group(checkpoint.choose(run, "last", print), "model")


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each step, whether any module was compiled."""
    seen: list[bool] = []
    whole_step = Trainer.step

    def step(self: Trainer, fraction: float) -> object:
        live = self.objective.modules.values()
        seen.append(any(part._compiled_call_impl for m in live for part in m.modules()))
        copies = [m for roles in self.averages().values() for m in roles.values()]
        assert not any(part._compiled_call_impl for m in copies for part in m.modules())
        return whole_step(self, fraction)

    monkeypatch.setattr(Trainer, "step", step)
    return seen


@needs_compiler
@pytest.mark.slow
@in_own_process
def test_compiled_training_follows_eager_training(tmp_path: Path, compiled: list[bool]) -> None:
    eager = weights(train("toy-tokens", tmp_path / "eager"))
    fast = weights(train("toy-tokens", tmp_path / "fast", "compile=true"))
    assert compiled == [False] * 4 + [True] * 4
    for name, expected in eager.items():
        torch.testing.assert_close(fast[name], expected, atol=1e-4, rtol=0)


@in_own_process
def test_where_nothing_compiles_training_goes_on_and_says_so(
    tmp_path: Path, compiled: list[bool]
) -> None:
    said = io.StringIO()
    absent = {"cpp.cxx": ("no-such-compiler",), "force_disable_caches": True}
    with torch._inductor.config.patch(absent):
        output = Output(Mode.QUIET, stderr=said)
        run = train("toy-tokens", tmp_path / "run", "compile=true", output=output)
    assert said.getvalue().count("warning: training continues without compiling") == 1
    assert len(said.getvalue().splitlines()) == 1
    assert compiled == [True, False, False, False]
    assert run.read("resolved.json")["compile"] is False
    expected = weights(train("toy-tokens", tmp_path / "eager"))
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(run).items())


def test_second_order_phases_stay_eager(tmp_path: Path, compiled: list[bool]) -> None:
    train("toy-adversarial", tmp_path / "run", "compile=true")
    assert compiled == [False] * 4
