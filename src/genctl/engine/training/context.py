"""The step context that an objective gets, and the seeding of the global random generators."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from genctl.engine.optim.precision import Precision
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.sampling.noise import KeyedNoise


@dataclass(frozen=True)
class StepState:
    """The state of training: the step, the examples before it, share of the budget, attempt."""

    index: int
    position: int
    fraction: float
    attempt: int


@dataclass(frozen=True)
class StepContext:
    """The engine's side of `genctl.contracts.Step`, for one micro-batch."""

    index: int
    position: int
    fraction: float
    second_order: bool
    noise: KeyedNoise
    precision: Precision = field(repr=False)
    world: ProcessGroup = field(repr=False)

    def fp32(self) -> AbstractContextManager[None]:
        """Full precision inside the block."""
        return self.precision.fp32()

    def gather(self, x: Tensor) -> Tensor:
        """The rows of every rank, differentiable."""
        return self.world.gather(x)

    def input_gradient(self, y: Tensor, x: Tensor) -> Tensor:
        """The gradient of ``y.sum()`` by ``x``: differentiable, float32, without loss scale."""
        scale = self.precision.loss_scale
        (gradient,) = torch.autograd.grad(y.float().sum() * scale, x, create_graph=True)
        return gradient.float() / scale


def reseed(device: torch.device, seed: int) -> None:
    """Seed the global generator of ``device`` only: `torch.manual_seed` takes 1 ms for all."""
    if device.type == "cuda":
        # `torch.cuda.manual_seed` seeds the current device, which may be another one.
        unnamed = device == torch.device("cuda")
        index = torch.cuda.current_device() if unnamed else device.index
        torch.cuda.default_generators[index].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
