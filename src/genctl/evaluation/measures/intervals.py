"""The uncertainty of a number that was estimated from samples: Wilson's interval, bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

LEVEL = 0.95
WILSON: Mapping[str, Any] = {"ci": "wilson"}
"""The field of signatures for errors of shares."""

RESAMPLES, SEED = 1000, 2020

_HELD = 2**22
"""Resampled values held at a time: 64 MiB with their indices."""


class Estimate(NamedTuple):
    """A value and its standard error."""

    value: float
    error: float


class Interval(NamedTuple):
    """A confidence interval of level `LEVEL`."""

    low: float
    high: float


class Bootstrap(NamedTuple):
    """The standard error of a statistic, and its confidence interval."""

    error: float
    interval: Interval


def wilson(hits: int, count: int) -> Interval:
    """Wilson's interval (1927) of a share, in [0, 1].

    Its width is not 0 when nothing or everything is hit, unlike the usual standard error.

    Args:
        hits: the number of hits.
        count: the number of independent draws, at least 1.
    """
    from scipy import stats

    found = stats.binomtest(hits, count).proportion_ci(LEVEL, method="wilson")
    return Interval(float(found.low), float(found.high))


def share(hit: Tensor) -> Estimate:
    """The share of true values of ``hit: (N,) bool``, and half the width of Wilson's interval.

    The half width is divided by the normal quantile, so that it can replace a standard error.
    """
    from scipy import stats

    hits, count = int(hit.sum()), len(hit)
    low, high = wilson(hits, count)
    return Estimate(hits / count, (high - low) / 2 / float(stats.norm.ppf((1 + LEVEL) / 2)))


def bootstrap(
    values: npt.NDArray[np.float64],
    statistic: Callable[..., Any],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Bootstrap:
    """The deviation of a statistic over resamples (Efron 1979), and its percentile interval.

    Args:
        values: (N,), N at least 2.
        statistic: a function of ``(values, axis=-1)``, such as `numpy.median`.
        resamples: the number of resamples, each of N values with replacement.
        seed: the seed of the resamples.
    """
    from scipy import stats

    found = stats.bootstrap(
        (values,),
        statistic,
        n_resamples=resamples,
        batch=max(1, _HELD // len(values)),
        vectorized=True,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = found.confidence_interval
    return Bootstrap(float(found.standard_error), Interval(float(low), float(high)))
