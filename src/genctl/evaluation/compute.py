"""Computes the scores of a metric from its inputs, for every kind of output."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.score import Score
from genctl.registry.metrics import METRICS, Metric, parse_metric


def measure(metric: Metric | str, inputs: Any) -> list[Score]:
    """The scores of ``metric``: four for ``prdc``, two for ``per-class``, otherwise one.

    Args:
        metric: the metric, or its name.
        inputs: the inputs for the metric's kind of output; see `MetricSpec.target`.

    Raises:
        GenctlError: (USAGE) a required input is missing, or there are too few examples; (FAILURE)
            a metric of a plug-in fails.
    """
    asked = parse_metric(metric) if isinstance(metric, str) else metric
    start = time.perf_counter()
    scores = _computed(asked, inputs)
    seconds = time.perf_counter() - start
    return [
        replace(
            score,
            higher_is_better=_higher(asked, score),
            seconds={**score.seconds, "metric": seconds},
        )
        for score in scores
    ]


def _computed(metric: Metric, inputs: Any) -> list[Score]:
    try:
        function = metric.spec.load()
        scores: list[Score]
        scores = function(inputs, metric.parameter) if metric.spec.parameter else function(inputs)
    except GenctlError:
        raise
    except Exception as error:
        # A plug-in is foreign code and may raise anything; the other metrics are still computed.
        METRICS.note_failure(metric.spec.name, error)
        raise GenctlError(
            ExitStatus.FAILURE,
            f"the plug-in {metric.spec.target} failed: {type(error).__name__}: {error}",
            hint=f"choose other metrics; report {metric.spec.name} to the author of the plug-in",
        ) from error
    return scores


def named(metrics: Sequence[Metric | str]) -> list[Metric]:
    """The metrics; some may be given by name."""
    return [parse_metric(m) if isinstance(m, str) else m for m in metrics]


def _higher(metric: Metric, score: Score) -> bool | None:
    part = metric.spec.part(score.name)
    return part.higher if part else None
