"""What only a CUDA device can show; run by ``make test-gpu``."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genctl
from genctl.contracts import Batch, Loss, Step
from genctl.engine.training import checkpoint
from genctl.errors import GenctlError
from genctl.families.gan.objective import GanObjective
from genctl.runs import Run
from tests.bad_gradients import spoil_gradients
from tests.kills import assert_same_end, at_step

pytestmark = pytest.mark.gpu


def train(out: Path, precision: str, **options: Any) -> Run:
    return genctl.train(
        "gan", out=out, budget="40steps", precision=precision, device="cuda", **options
    )


def losses(run: Run) -> list[float]:
    from genctl.engine.reporting.loggers import read_rows

    rows = read_rows(run.path / "metrics.jsonl")
    return [row["train/loss"] for row in rows if "train/loss" in row]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_trains_and_samples(precision: str, tmp_path: Path) -> None:
    run = train(tmp_path / "run", precision)
    snapshot = checkpoint.read(checkpoint.choose(run, "last", print))
    assert snapshot.finite
    assert (snapshot.index, snapshot.attempt) == (40, 0)
    assert genctl.load(run, device="cuda").sample(8).array.shape == (8, 28, 28, 1)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_follows_float32(precision: str, tmp_path: Path) -> None:
    full, mixed = (
        losses(
            genctl.train(
                "diffusion",
                sets=["evaluations=0"],
                out=tmp_path / name,
                budget="200steps",
                precision=name,
                device="cuda",
            )
        )[-1]
        for name in ("fp32", precision)
    )
    assert full < 0.7  # zero in every pixel is off by more
    assert abs(full - mixed) < 0.1 * full


def test_samples_are_those_of_the_cpu(tmp_path: Path) -> None:
    run = train(tmp_path / "run", "fp32")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    there = genctl.load(run, device="cuda").sample(16, seed=3).array.astype(int)
    here = genctl.load(run, device="cpu").sample(16, seed=3).array.astype(int)
    assert np.abs(there - here).max() <= 1
    assert (there != here).mean() <= 1e-2


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_language_model_learns_and_writes(precision: str, compiled: bool, tmp_path: Path) -> None:
    sets = ["width=96", "batch_size=16", "evaluations=0", f"compile={str(compiled).lower()}"]
    run = genctl.train(
        "lm",
        preset="small-gpu",
        sets=sets,
        out=tmp_path / "run",
        budget="60steps",
        precision=precision,
        device="cuda",
    )
    assert checkpoint.read(checkpoint.choose(run, "last", print)).finite
    model = genctl.load(run, device="cuda")
    assert genctl.evaluate("bpb", model, n=64).score.details["nats_per_token"] < 5
    options = {"temperature": "0", "max_new_tokens": "20"}
    there = "".join(model.stream("The ", options=options))
    assert there == "".join(genctl.load(run, device="cpu").stream("The ", options=options))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_diffusion_model_trains_and_samples(precision: str, tmp_path: Path) -> None:
    run = genctl.train(
        "diffusion",
        sets=["evaluations=0"],
        out=tmp_path / "run",
        budget="40steps",
        precision=precision,
        device="cuda",
    )
    assert checkpoint.read(checkpoint.choose(run, "last", print)).finite
    there = genctl.load(run, device="cuda").sample(8, seed=3).array.astype(int)
    here = genctl.load(run, device="cpu").sample(8, seed=3).array.astype(int)
    assert (np.abs(there - here) > 2).mean() <= 1e-2


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
    spoil_gradients(monkeypatch, (5, 6))
    for optimizer in ("adam", "muon", "sgd"):
        sets = (f"optimizer={optimizer}", "evaluations=0")
        run = train(tmp_path / optimizer, "fp32", sets=sets)
        assert checkpoint.read(checkpoint.choose(run, "last", print)).finite


def test_memory_that_runs_out_halves_micro_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = GanObjective.loss

    def limited(self: GanObjective, phase: str, batch: Batch, step: Step) -> Loss:
        if len(batch.positions) > 8:
            torch.empty(2**50, device="cuda")
        return loss(self, phase, batch, step)

    monkeypatch.setattr(GanObjective, "loss", limited)
    run = train(tmp_path / "run", "fp32", sets=("batch_size=32", "evaluations=0"))
    assert run.read("resolved.json")["micro_batch"] == 8
