"""Beginning with the weights of an earlier run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import genctl
from genctl.contracts import INIT
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from genctl.weights import sha256_of_tensors
from tests.kills import assert_same_end, killed_at_step, needs_fork


def train(out: Path, *sets: str, budget: str = "6steps") -> Run:
    return genctl.train("toy-tokens", out=out, budget=budget, sets=sets, threads=1)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return checkpoint.group(checkpoint.choose(run, "last", print), "model")


@pytest.fixture
def earlier(tmp_path: Path) -> Run:
    return train(tmp_path / "earlier 早先")


def test_only_the_identity_of_the_first_weights_is_kept(tmp_path: Path, earlier: Run) -> None:
    first = weights(earlier)
    run = train(tmp_path / "run", f"parents.init={earlier.path}", "lr=1e-9", "weight_decay=0")
    shutil.rmtree(earlier.path)
    for name, tensor in weights(run).items():
        torch.testing.assert_close(tensor, first[name], atol=1e-6, rtol=0)
    samples: Any = genctl.load(run).generate(2)
    assert samples.array.shape[0] == 2
    assert not (run.path / "parents").exists()
    assert run.read("parents.json") == {
        INIT: {
            "path": str(earlier.path),
            "family": "toy-tokens",
            "sha256": sha256_of_tensors(first),
        }
    }


@needs_fork
def test_killed_before_the_first_checkpoint_begins_alike(tmp_path: Path, earlier: Run) -> None:
    init = f"parents.init={earlier.path}"
    whole = train(tmp_path / "whole", init)
    killed = Run(tmp_path / "killed")
    assert killed_at_step(3, lambda: train(killed.path, init))
    assert not checkpoint.all_checkpoints(killed)
    assert_same_end(whole, train(killed.path, init))


@needs_fork
def test_first_weights_that_have_changed_are_refused(tmp_path: Path, earlier: Run) -> None:
    init = f"parents.init={earlier.path}"
    killed = Run(tmp_path / "killed")
    assert killed_at_step(3, lambda: train(killed.path, init))
    shutil.rmtree(earlier.path)
    train(earlier.path, "seed=1")
    with pytest.raises(GenctlError, match="have changed since") as refused:
        train(killed.path, init)
    assert refused.value.code == ExitStatus.DATA
    assert "new=True" in refused.value.hint


@needs_fork
def test_after_a_checkpoint_they_are_no_longer_needed(tmp_path: Path, earlier: Run) -> None:
    init, soon = f"parents.init={earlier.path}", "checkpoint_seconds=1e-9"
    killed = Run(tmp_path / "killed")
    assert killed_at_step(3, lambda: train(killed.path, init, soon))
    whole = train(tmp_path / "whole", init, soon)
    shutil.rmtree(earlier.path)
    assert_same_end(whole, train(killed.path, init, soon))
