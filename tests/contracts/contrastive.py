"""A toy family whose examples see each other: two towers that tell the halves of a digit apart.

The left half of each image must find its own right half among those of the whole step, and the
other way round (InfoNCE, van den Oord et al. 2018, arXiv 1807.03748, in both directions with a
learned temperature as in CLIP, Radford et al. 2021, arXiv 2103.00020).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.contracts import (
    Batch,
    DataSpec,
    EmaSpec,
    Loss,
    Monitor,
    OptimizerSpec,
    Parents,
    Phase,
    Step,
)
from genctl.registry import Spec
from tests.contracts.toys import SIDE, ToyConfig, mlp, small

HALF = SIDE * (SIDE // 2)
OUTPUTS = 8


class Tower(nn.Module):
    """(B, HALF) float to (B, OUTPUTS) unit vectors, with dropout."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.body = mlp(HALF, width, width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, OUTPUTS)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.dropout(self.body(x)))
        return F.normalize(found.float(), dim=1)


class Temperature(nn.Module):
    """The scale of cosines, learned as its logarithm."""

    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))


class Contrastive:
    """One coupled phase; half a step's noise goes through the left tower's inputs."""

    def __init__(self, config: Any, data: DataSpec, parents: Parents) -> None:
        width, dropout = config.model.width, config.model.dropout
        self._temperature = Temperature()
        self.modules: Mapping[str, nn.Module] = {
            "left": Tower(width, dropout),
            "right": Tower(width, 0.0),
            "temperature": self._temperature,
        }
        self.frozen: Mapping[str, nn.Module] = {}
        self.optimizers: Mapping[str, OptimizerSpec] = {
            "towers": OptimizerSpec.of(config.train, "left.*", "right.*"),
            "temperature": OptimizerSpec("adam", ("temperature.*",), 0.01),
        }
        self.ema: Mapping[str, tuple[EmaSpec, ...]] = {"left": (EmaSpec("ema", 500),)}
        self.phases: tuple[Phase, ...] = (Phase("match", ("towers", "temperature"), coupled=True),)
        self.monitor: Monitor | None = None
        self.notes: tuple[str, ...] = ()

    def outputs(self, phase: str, batch: Batch, step: Step) -> dict[str, Tensor]:
        halves = small(batch).unflatten(1, (SIDE, SIDE))
        left, right = halves[..., : SIDE // 2].flatten(1), halves[..., -(SIDE // 2) :].flatten(1)
        kept = (step.noise.uniform("erased", HALF) > 0.2).float()
        return {
            "left": self.modules["left"](left * kept),
            "right": self.modules["right"](right),
            "place": torch.tensor(batch.positions, device=left.device),
        }

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        with step.fp32():
            scale = self._temperature.logit_scale.exp()
            lefts, rights = step.gather(batch["left"]), step.gather(batch["right"])
            places = step.gather(batch["place"])
            own = (places == batch["place"][:, None]).int().argmax(1)
            total = (
                F.cross_entropy(scale * batch["left"] @ rights.T, own, reduction="sum")
                + F.cross_entropy(scale * batch["right"] @ lefts.T, own, reduction="sum")
            ) / 2
        return Loss(total, len(own), {"loss": total.detach()})


CONTRASTIVE = Spec(
    api=2,
    name="toy-contrastive",
    summary="a coupled phase",
    config=ToyConfig,
    targets={"objective": "tests.contracts.contrastive:Contrastive"},
    reads={"image": "image"},
    makes=None,
    presets={"default": {"budget": "60steps", "batch_size": 16, "evaluations": 0, "clip": 1.0}},
)
