"""Gradients that are not finite, for tests of what becomes of them."""

from __future__ import annotations

from collections.abc import Container, Sequence

import pytest
from torch import nn

from genctl.contracts import Batch, Loss, Phase
from genctl.engine.training.context import StepState
from genctl.engine.training.gradients import PhaseGradients


def spoil_gradients(
    patch: pytest.MonkeyPatch, steps: Container[int], value: float = float("nan")
) -> None:
    """Replace all gradients by ``value`` in the steps with these indices."""
    add = PhaseGradients.add

    def spoiled(
        self: PhaseGradients,
        phase: Phase,
        batch: Batch,
        state: StepState,
        active: Sequence[nn.Parameter],
    ) -> list[Loss]:
        losses = add(self, phase, batch, state, active)
        if state.index in steps:
            for parameter in active:
                if parameter.grad is not None:
                    parameter.grad.fill_(value)
        return losses

    patch.setattr(PhaseGradients, "add", spoiled)
