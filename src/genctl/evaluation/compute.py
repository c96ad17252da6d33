"""From the inputs of a metric to its scores, whatever it measures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from genctl.evaluation.score import Score
from genctl.registry.metrics import Metric, parse_metric


def measure(metric: Metric | str, inputs: Any) -> list[Score]:
    """The scores that ``metric`` stands for: of ``prdc`` four, of ``per-class`` two, else one.

    Args:
        metric: or its name.
        inputs: what the metric's kind of output is measured with; see `MetricSpec.target`.

    Raises:
        GenctlError: (USAGE) something that it needs is missing, or too few examples.
    """
    asked = parse_metric(metric) if isinstance(metric, str) else metric
    function = asked.spec.load()
    start = time.perf_counter()
    scores = function(inputs, asked.parameter) if asked.spec.parameter else function(inputs)
    seconds = time.perf_counter() - start
    return [
        replace(
            score,
            higher_is_better=_higher(asked, score),
            seconds={**score.seconds, "metric": seconds},
        )
        for score in scores
    ]


def named(metrics: Sequence[Metric | str]) -> list[Metric]:
    """The metrics, of which some may be given by their names."""
    return [parse_metric(m) if isinstance(m, str) else m for m in metrics]


def _higher(metric: Metric, score: Score) -> bool | None:
    part = metric.spec.part(score.name)
    return part.higher if part else None
