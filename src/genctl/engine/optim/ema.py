"""Exponential moving averages of weights, counted in examples."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from genctl.contracts import EmaSpec
from genctl.engine.optim.compiling import eager_copy
from genctl.engine.parallel.sharding import local

RAW = "raw"
"""The name of weights without an EMA."""


class Ema:
    """The EMA copies that an objective declares, as separate modules.

    The copies are in eval mode and take no gradients, so previews and scores run on them while
    the live modules train.
    """

    def __init__(
        self, modules: Mapping[str, nn.Module], specs: Mapping[str, tuple[EmaSpec, ...]]
    ) -> None:
        self._sources = modules
        self._specs = {spec.name: spec for kept in specs.values() for spec in kept}
        self.copies: dict[str, dict[str, nn.Module]] = {name: {} for name in self._specs}
        for role, kept in specs.items():
            for spec in kept:
                self.copies[spec.name][role] = eager_copy(modules[role])

    @torch.no_grad()
    def update(self, examples: int, seen: int) -> None:
        """Update every EMA copy after a step of ``examples`` that ends at example ``seen``."""
        for name, roles in self.copies.items():
            spec = self._specs[name]
            halflife = min(spec.halflife, spec.warmup * seen)
            weight = 1.0 - 0.5 ** (examples / halflife) if halflife > 0 else 1.0
            for role, average in roles.items():
                _blend(average, self._sources[role], weight)


def _blend(average: nn.Module, source: nn.Module, weight: float) -> None:
    kept: list[Tensor] = [local(p) for p in average.parameters()]
    live = [local(p.detach()) for p in source.parameters()]
    if kept:  # torch refuses an empty list
        torch._foreach_lerp_(kept, live, weight)
    for buffer, current in zip(average.buffers(), source.buffers(), strict=True):
        buffer.copy_(current)
