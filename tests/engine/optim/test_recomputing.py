"""Blocks that run again for gradients: the same bits, and less kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

import genctl
from genctl.engine.training import checkpoint
from genctl.engine.training.trainer import Trainer
from genctl.runs import Run

SETTINGS = {
    "gan": ("width=8", "penalty_every=2"),
    "diffusion": ("width=8", "dropout=0.1"),
    "lm": ("width=32", "depth=4", "heads=2", "kv_heads=2", "context=64", "tokenizer=byte"),
}


def train(family: str, out: Path, *sets: str) -> Run:
    brief = ("evaluations=0", "batch_size=8", *SETTINGS[family])
    return genctl.train(family, out=out, budget="4steps", sets=[*brief, *sets], threads=1)


@pytest.mark.parametrize("family", SETTINGS)
def test_the_weights_are_the_same_bits(family: str, tmp_path: Path) -> None:
    one, two = (
        checkpoint.read(checkpoint.choose(run, "last", print)).tensors["model"]
        for run in (
            train(family, tmp_path / "kept"),
            train(family, tmp_path / "again", "recompute=true"),
        )
    )
    assert not [name for name in one if not torch.equal(one[name], two[name])]


def test_less_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    step = Trainer.step

    def counted(self: Trainer, fraction: float) -> object:
        sizes: dict[int, int] = {}

        def keep(x: torch.Tensor) -> torch.Tensor:
            sizes[x.data_ptr()] = x.numel() * x.element_size()
            return x

        with saved_tensors_hooks(keep, lambda x: x):
            found = step(self, fraction)
        kept.append(sum(sizes.values()))
        return found

    monkeypatch.setattr(Trainer, "step", counted)
    train("lm", tmp_path / "kept")
    train("lm", tmp_path / "again", "recompute=true")
    assert max(kept[4:]) < 0.6 * max(kept[:4])
