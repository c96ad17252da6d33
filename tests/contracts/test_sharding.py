"""Weights cut among processes: the numbers of one, and checkpoints that any number reads."""

from __future__ import annotations

import re
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

import genctl
from genctl.engine.parallel.sharding import is_sharded, local
from genctl.engine.reporting.loggers import read_rows
from genctl.engine.training import checkpoint
from genctl.engine.training.reports import PhaseReport
from genctl.engine.training.trainer import Trainer
from genctl.runs import Run
from tests.kills import needs_fork
from tests.processes import in_processes

pytestmark = needs_fork

SLOW = pytest.mark.slow
SETTINGS = {
    "lm": ("width=16", "depth=2", "heads=2", "kv_heads=1", "context=16", "tokenizer=byte"),
    "diffusion": ("width=8", "ema_halflife=100", "evaluations=0"),
    "gan": ("width=8", "z_dim=7"),
}


def train(family: str, out: Path, *sets: str, steps: int = 6) -> Run:
    brief = ("evaluations=1", "batch_size=8", *SETTINGS[family])
    return genctl.train(
        family, out=out, budget=f"{steps}steps", sets=[*brief, *sets], threads=1, device="cpu"
    )


def tensors(run: Run) -> dict[str, torch.Tensor]:
    snapshot = checkpoint.read(checkpoint.choose(run, "last", print))
    return {f"{g}/{n}": t for g, group in snapshot.tensors.items() for n, t in group.items()}


def losses(run: Run) -> dict[str, float]:
    """Each number's mean over the run, since the clock decides where one row ends."""
    rows = read_rows(run.path / "metrics.jsonl")
    names = {name for row in rows for name in row if re.search(r"loss|grad_norm|bpb|fd", name)}
    return {name: mean_of(name, [row for row in rows if name in row]) for name in names}


def mean_of(name: str, rows: list[dict[str, float]]) -> float:
    ends = [row["position"] for row in rows]
    shares = [end - start for start, end in pairwise([0, *ends])]
    return sum(share * row[name] for share, row in zip(shares, rows, strict=True)) / ends[-1]


@pytest.mark.parametrize(
    ("family", "optimizer"),
    [
        ("lm", "adamw"),
        ("lm", "muon"),
        ("diffusion", "adamw"),
        *(pytest.param(*pair, marks=SLOW) for pair in (("diffusion", "muon"), ("lm", "sgd"))),
    ],
)
def test_two_processes_that_share_are_one(family: str, optimizer: str, tmp_path: Path) -> None:
    sets = (f"optimizer={optimizer}", "lr=1e-3", "clip=1", "weight_decay=0.1")
    one = train(family, tmp_path / "one", *sets, "micro_batch=4", "shard=true")
    both = ("shard=true", *sets)
    assert in_processes(lambda _: train(family, tmp_path / "two", *both)) == [0, 0]
    expected, found = tensors(one), tensors(Run(tmp_path / "two"))
    assert expected.keys() == found.keys()
    worst = max(
        float((expected[n].float() - found[n].float()).abs().max())
        for n in expected
        if n.startswith(("model", "ema"))
    )
    assert worst < (1e-2 if optimizer == "muon" else 1e-4)
    assert losses(Run(tmp_path / "two")) == pytest.approx(losses(one), rel=2e-3)


def test_each_holds_a_part_alone(tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    def work(rank: int) -> None:
        step = Trainer.step

        def looked(self: Trainer, fraction: float) -> dict[str, PhaseReport]:
            found = step(self, fraction)
            kept = [
                *self.objective.modules["model"].parameters(),
                *self.ema.copies["ema"]["model"].parameters(),
                *(t for s in self.optimizers.state().values() for t in s.values() if t.ndim),
            ]
            assert all(is_sharded(tensor) for tensor in kept)
            own = sum(local(tensor).numel() for tensor in kept)
            (seen / f"{rank}").write_text(f"{own} {sum(t.numel() for t in kept)}")
            return found

        Trainer.step = looked  # type: ignore[method-assign]
        train("lm", tmp_path / "run", "shard=true", "ema_halflife=100", steps=2)

    seen.mkdir()
    assert in_processes(work) == [0, 0]
    counts = [[int(n) for n in path.read_text().split()] for path in sorted(seen.iterdir())]
    assert sum(own for own, _ in counts) == counts[0][1]
    assert all(own < 0.6 * every for own, every in counts)


def test_a_gan_keeps_its_discriminator_whole(tmp_path: Path) -> None:
    def work(_: int) -> None:
        made = Trainer.__init__

        def init(self: Trainer, *args: Any, **kwargs: Any) -> None:
            made(self, *args, **kwargs)
            cut = {
                role: {is_sharded(p) for p in module.parameters()}
                for role, module in self.objective.modules.items()
            }
            assert cut == {"generator": {True}, "discriminator": {False}}

        Trainer.__init__ = init  # type: ignore[method-assign]
        train("gan", tmp_path / "two", "shard=true", "optimizer=sgd")

    assert in_processes(work) == [0, 0]
    one = train("gan", tmp_path / "one", "micro_batch=4", "optimizer=sgd")
    expected, found = tensors(one), tensors(Run(tmp_path / "two"))
    assert max(float((expected[n] - found[n]).abs().max()) for n in expected) < 1e-4


@pytest.mark.parametrize("family", ["lm", pytest.param("diffusion", marks=SLOW)])
def test_what_two_began_one_and_four_can_end(family: str, tmp_path: Path) -> None:
    def begin(rank: int, size: int) -> None:
        step = Trainer.step

        def stop(self: Trainer, fraction: float) -> dict[str, PhaseReport]:
            if self.index == 3 and self.world.is_main:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGTERM)
            return step(self, fraction)

        Trainer.step = stop  # type: ignore[method-assign]
        train(family, tmp_path / f"then-{size}", "shard=true", "optimizer=adamw")

    whole = tensors(train(family, tmp_path / "one", "micro_batch=4", "optimizer=adamw"))
    for size in (1, 4):
        assert in_processes(partial(begin, size=size))[0] == 143
        out = tmp_path / f"then-{size}"

        def end(_: int, out: Path = out) -> None:
            train(family, out, "shard=true", "optimizer=adamw")

        if size > 1:
            assert in_processes(end, size=size) == [0] * size
        else:
            end(0)
        found = tensors(Run(out))
        assert max(float((whole[n].float() - found[n].float()).abs().max()) for n in whole) < 1e-3
