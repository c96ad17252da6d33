"""The results of a phase in a step, and the metrics that are logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from genctl.contracts import Loss


@dataclass
class PhaseReport:
    """The results of a phase in a step, as tensors, so that the CPU does not wait for the GPU.

    Attributes:
        metrics: the sums of the metrics.
        weight: the sum of the weights.
        norm: the norm of the gradients.
        finite: whether they are finite.
    """

    metrics: dict[str, Tensor]
    weight: Tensor
    norm: Tensor
    finite: Tensor

    def merged(self, other: PhaseReport) -> PhaseReport:
        """The report of two repetitions: sums, the larger norm, and whether both are finite."""
        names = sorted(self.metrics.keys() | other.metrics.keys())
        zero = torch.zeros_like(self.weight)
        return PhaseReport(
            {n: self.metrics.get(n, zero) + other.metrics.get(n, zero) for n in names},
            self.weight + other.weight,
            torch.maximum(self.norm, other.norm),
            self.finite & other.finite,
        )


def summed(losses: Sequence[Loss]) -> dict[str, Tensor]:
    """The sums of the metrics over all micro-batches of a phase."""
    names = losses[0].metrics
    return {name: torch.stack([loss.metrics[name] for loss in losses]).sum() for name in names}


def phase_metrics(report: PhaseReport) -> dict[str, Tensor]:
    """The metrics of a phase as means over its examples or tokens, and the gradient norm."""
    means = {name: value / report.weight for name, value in report.metrics.items()}
    return {**means, "grad_norm": report.norm}


@dataclass
class Window:
    """The metrics of the steps since the last row, summed on the device.

    A step of a phase with non-finite gradients does not count, since it did not move the weights.

    Attributes:
        fractions: the share of the budget that was spent before each step.
    """

    fractions: list[float] = field(default_factory=list)
    _totals: dict[str, Tensor] = field(default_factory=dict)
    _counts: dict[str, Tensor] = field(default_factory=dict)

    def add(self, reports: Mapping[str, PhaseReport], fraction: float) -> None:
        """Add one step: the report of each phase that ran in it."""
        for phase, report in reports.items():
            one, zero = report.finite.int(), torch.zeros_like(report.norm)
            for metric, value in phase_metrics(report).items():
                name, kept = f"{phase}/{metric}", torch.where(report.finite, value, zero)
                new = name not in self._totals
                self._totals[name] = kept if new else self._totals[name] + kept
                self._counts[name] = one if new else self._counts[name] + one
        self.fractions.append(fraction)

    def means(self) -> dict[str, float]:
        """``phase/metric`` -> mean over the steps, for what had a step with finite gradients."""
        if not self._totals:
            return {}
        counts = torch.stack([*self._counts.values()]).tolist()
        found = {n: c for n, c in sorted(zip(self._counts, counts, strict=True)) if c}
        if not found:
            return {}
        values = torch.stack([self._totals[n].float() / c for n, c in found.items()]).tolist()
        return dict(zip(found, values, strict=True))
