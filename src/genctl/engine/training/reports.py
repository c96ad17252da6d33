"""The results of a phase in a step, and the metrics that are logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genctl.contracts import Loss


@dataclass
class PhaseReport:
    """The results of a phase in a step, as tensors, so that the CPU does not wait for the GPU."""

    metrics: dict[str, Tensor]
    weight: Tensor
    norm: Tensor
    finite: Tensor


def summed(losses: Sequence[Loss]) -> dict[str, Tensor]:
    """The sums of the metrics over all micro-batches of a phase."""
    names = losses[0].metrics
    return {name: torch.stack([loss.metrics[name] for loss in losses]).sum() for name in names}


def phase_metrics(reports: Mapping[str, PhaseReport]) -> dict[str, Tensor]:
    """The metrics of a step as means, ``phase/metric`` -> scalar, and the gradient norms."""
    found: dict[str, Tensor] = {}
    for phase, report in reports.items():
        found |= {f"{phase}/{k}": v / report.weight for k, v in report.metrics.items()}
        found[f"{phase}/grad_norm"] = report.norm
    return found
