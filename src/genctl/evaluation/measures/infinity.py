"""The Fréchet distance that infinitely many generated samples would have.

Chong and Forsyth 2020 (arXiv:1911.07023, section 3): for N samples the distance is about
``limit + slope / N``. A line through distances at several N, over 1 / N, meets the axis at the
limit. The reference is held fixed, and its own share of the bias remains.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.measures.frechet import Gaussian, frechet_distance, frechet_of

POINTS = 15
SEED = 2020
_SMALLEST_SHARE = 0.1


class Infinity(NamedTuple):
    """A line over 1 / N.

    Attributes:
        limit: the distance at infinitely many samples.
        error: standard error of the limit over generated samples: that of the distance of all
            samples, combined with the deviation of the points from the line.
        slope: the slope of the line over 1 / N.
        counts: the numbers of samples.
        distances: the distance at each number.
    """

    limit: float
    error: float
    slope: float
    counts: tuple[int, ...]
    distances: tuple[float, ...]


def extrapolate(
    generated: Tensor, reference: Gaussian, *, points: int = POINTS, seed: int = SEED
) -> Infinity:
    """Fit the line to random subsets, from a tenth of the samples up to all of them.

    Args:
        generated: (N, d).
        reference: the distribution to compare with.
        points: the number of subsets, of evenly spaced sizes.
        seed: the seed of the random subsets.

    Raises:
        GenctlError: (USAGE) too few samples for this number of sizes.
    """
    count = len(generated)
    sizes = np.linspace(max(2, _SMALLEST_SHARE * count), count, points).round().astype(int)
    if len(set(sizes.tolist())) < points:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{count} samples are too few to extrapolate from",
            option="n",
            suggest=2000,
        )
    draw = torch.Generator().manual_seed(seed)
    distances = []
    for size in sizes.tolist():
        chosen = torch.randperm(count, generator=draw)[:size]
        distances.append(frechet_distance(Gaussian.fit(generated[chosen]), reference))
    return _line(sizes, np.array(distances), frechet_of(generated, reference).error)


def _line(sizes: np.ndarray, distances: np.ndarray, of_all: float) -> Infinity:
    """Least squares over 1 / N.

    The subsets share samples, so their scatter does not show how other samples would differ; the
    error ``of_all`` does.
    """
    from scipy import stats

    line = stats.linregress(1 / sizes, distances)
    return Infinity(
        float(line.intercept),
        math.hypot(line.intercept_stderr, of_all),
        float(line.slope),
        tuple(sizes.tolist()),
        tuple(distances.tolist()),
    )
