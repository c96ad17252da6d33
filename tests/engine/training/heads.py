"""A very small objective whose gradients can be computed by hand, and its data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from genctl.contracts import Batch, EmaSpec, Loss, OptimizerSpec, Phase
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.trainer import Trainer


class Positions:
    """A stream whose examples are their own positions."""

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        share = batch_size // world
        while True:
            own = range(position + rank * share, position + (rank + 1) * share)
            yield Batch({"x": torch.tensor(own, dtype=torch.float32)}, own)
            position += batch_size


class Heads:
    """The head ``a`` learns from even positions and ``b`` from odd ones, with gradients 1 and 10.

    Args:
        spoiled: positions at which the loss is not a number.
    """

    def __init__(self, repeat: int = 1, spoiled: frozenset[int] = frozenset()) -> None:
        self.heads = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in "ab"})
        self.modules = {"heads": self.heads, "still": nn.Identity()}
        self.frozen: dict[str, nn.Module] = {}
        self.optimizers = {"all": OptimizerSpec("sgd", ("heads.*",), lr=1.0, betas=(0.0, 0.0))}
        self.ema = {"still": (EmaSpec("ema", 10),)}
        self.phases = (Phase("train", ("all",), repeat=repeat),)
        self.monitor = None
        self.notes = ()
        self.spoiled = spoiled
        self.metric: Callable[[int], str] = lambda position: "loss"

    def loss(self, phase: str, batch: Batch, step: Any) -> Loss:
        a, b = (self.heads[name] for name in "ab")
        terms = [b * 10 if p % 2 else a * 1 for p in batch.positions]
        if self.spoiled.intersection(batch.positions):
            terms.append(a * float("nan"))
        metrics = {self.metric(batch.positions[0]): torch.tensor(float(sum(batch.positions)))}
        return Loss(sum(terms), len(batch.positions), metrics)


def trainer(objective: Heads, world: Any = None, **settings: Any) -> Trainer:
    fields = {"seed": 0, "batch_size": 2, "micro_batch": 2, "device": "cpu", "precision": "fp32"}
    plan = RunSettings(**{**fields, "threads": 1, **settings})
    return Trainer(objective, Positions(), plan, world)  # type: ignore[arg-type]


def values(objective: Heads) -> dict[str, float]:
    return {name: float(head.detach()) for name, head in objective.heads.items()}
