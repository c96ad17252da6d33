"""What only a CUDA device can show; run by ``make test-gpu``."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genctl
from genctl.engine.training import checkpoint
from genctl.engine.training.trainer import Trainer
from genctl.errors import GenctlError
from genctl.runs import Run
from tests.kills import assert_same_end

pytestmark = pytest.mark.gpu


def train(out: Path, amp: str, **options: Any) -> Run:
    return genctl.train("gan", out=out, budget="40steps", precision=amp, device="cuda", **options)


def losses(run: Run) -> list[float]:
    from genctl.engine.reporting.loggers import read_rows

    rows = read_rows(run.path / "metrics.jsonl")
    return [row["train/loss"] for row in rows if "train/loss" in row]


@pytest.mark.parametrize("amp", ["off", "bf16", "fp16"])
def test_trains_and_samples(amp: str, tmp_path: Path) -> None:
    run = train(tmp_path / "run", amp)
    snapshot = checkpoint.read(checkpoint.choose(run, "last", print))
    assert snapshot.finite
    assert (snapshot.index, snapshot.attempt) == (40, 0)
    assert genctl.load(run, device="cuda").sample(8).array.shape == (8, 28, 28, 1)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_mixed_precision_follows_float32(amp: str, tmp_path: Path) -> None:
    full, mixed = (
        losses(
            genctl.train(
                "diffusion",
                sets=["evaluations=0"],
                out=tmp_path / precision,
                budget="200steps",
                precision=precision,
                device="cuda",
            )
        )[-1]
        for precision in ("off", amp)
    )
    assert full < 0.7  # zero in every pixel is off by more
    assert abs(full - mixed) < 0.1 * full


def test_samples_are_those_of_the_cpu(tmp_path: Path) -> None:
    run = train(tmp_path / "run", "off")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    there = genctl.load(run, device="cuda").sample(16, seed=3).array.astype(int)
    here = genctl.load(run, device="cpu").sample(16, seed=3).array.astype(int)
    assert np.abs(there - here).max() <= 1
    assert (there != here).mean() <= 1e-2


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("amp", ["off", "bf16", "fp16"])
def test_a_language_model_learns_and_writes(amp: str, compiled: bool, tmp_path: Path) -> None:
    sets = ["width=96", "batch_size=16", "evaluations=0", f"compile={str(compiled).lower()}"]
    run = genctl.train(
        "lm",
        preset="small-gpu",
        sets=sets,
        out=tmp_path / "run",
        budget="60steps",
        precision=amp,
        device="cuda",
    )
    assert checkpoint.read(checkpoint.choose(run, "last", print)).finite
    model = genctl.load(run, device="cuda")
    assert genctl.evaluate("bpb", model, n=64).score.details["nats_per_token"] < 5
    options = {"temperature": "0", "max_new_tokens": "20"}
    there = "".join(model.stream("The ", options=options))
    assert there == "".join(genctl.load(run, device="cpu").stream("The ", options=options))


@pytest.mark.parametrize("amp", ["off", "bf16", "fp16"])
def test_a_diffusion_model_trains_and_samples(amp: str, tmp_path: Path) -> None:
    run = genctl.train(
        "diffusion",
        sets=["evaluations=0"],
        out=tmp_path / "run",
        budget="40steps",
        precision=amp,
        device="cuda",
    )
    assert checkpoint.read(checkpoint.choose(run, "last", print)).finite
    there = genctl.load(run, device="cuda").sample(8, seed=3).array.astype(int)
    here = genctl.load(run, device="cpu").sample(8, seed=3).array.astype(int)
    assert (np.abs(there - here) > 2).mean() <= 1e-2


def at_step(index: int, then: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``then`` happen before the step of that index."""
    step = Trainer.step

    def stepped(self: Trainer, fraction: float) -> object:
        if self.index == index:
            then()
        return step(self, fraction)

    monkeypatch.setattr(Trainer, "step", stepped)


@pytest.mark.parametrize("family", ["gan", "lm", "diffusion"])
def test_a_stopped_training_ends_with_the_same_bits(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(name: str) -> Run:
        sets = ["evaluations=0", "deterministic=true", "batch_size=16"]
        return genctl.train(
            family,
            out=tmp_path / name,
            budget="24steps",
            sets=sets,
            precision="bf16",
            device="cuda",
        )

    whole = work("whole")
    with monkeypatch.context() as patched:
        at_step(11, lambda: os.kill(os.getpid(), signal.SIGTERM), patched)
        with pytest.raises(GenctlError, match="stopped by SIGTERM"):
            work("stopped")
    assert_same_end(whole, work("stopped"))


def test_bad_gradients_change_nothing_on_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backward = Trainer._backward

    def spoiled(self: Trainer, phase, batch, fraction):  # type: ignore[no-untyped-def]
        loss = backward(self, phase, batch, fraction)
        if self.index in (5, 6):
            for name in phase.optimizers:
                for parameter in self.optimizers.parameters[name].values():
                    if parameter.grad is not None:
                        parameter.grad.fill_(float("nan"))
        return loss

    monkeypatch.setattr(Trainer, "_backward", spoiled)
    for optimizer in ("adam", "muon", "sgd"):
        run = train(tmp_path / optimizer, "off", sets=[f"optimizer={optimizer}", "evaluations=0"])
        assert checkpoint.read(checkpoint.choose(run, "last", print)).finite


def test_memory_that_runs_out_halves_micro_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backward = Trainer._backward

    def limited(self: Trainer, phase, batch, fraction):  # type: ignore[no-untyped-def]
        if len(batch.positions) > 8:
            torch.empty(2**50, device="cuda")
        return backward(self, phase, batch, fraction)

    monkeypatch.setattr(Trainer, "_backward", limited)
    run = train(tmp_path / "run", "off", sets=["batch_size=32", "evaluations=0"])
    assert run.read("resolved.json")["micro_batch"] == 8
