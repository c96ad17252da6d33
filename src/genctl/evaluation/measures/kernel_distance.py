"""The kernel distance between two sets of features: KID, exact and by subsets.

Binkowski et al. 2018 (arXiv:1801.01401, section 4): the squared maximum mean discrepancy of

    k(x, y) = (x·y / d + 1)³

by its unbiased estimator. So it may be slightly below 0 if two sets agree, and has no bias that
grows with fewer samples. All arithmetic is in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError, Suggestion

SUBSETS = 100
SUBSET_SIZE = 1000
SEED = 2020
"""The seed of torch-fidelity, so that both tools use the same subsets."""

_BLOCK = 2**24
"""Kernel values held at a time: 128 MiB."""


class KernelDistance(NamedTuple):
    """An estimate, unbiased.

    Attributes:
        value: the squared discrepancy; may be negative.
        error: standard error over the choice of generated samples, for a fixed reference.
    """

    value: float
    error: float


class SubsetDistance(NamedTuple):
    """Mean and standard deviation (ddof 0) over the subsets, the two numbers papers report.

    The deviation is that of one subset, not of the mean: it does not fall with more samples.
    """

    mean: float
    deviation: float


def kernel_distance(generated: Tensor, reference: Tensor) -> KernelDistance:
    """The U-statistic over all pairs, without subsets, so without a seed.

    Its error is the first term of the variance of a U-statistic (Hoeffding 1948, section 5): the
    influence of each generated sample ``x`` on the value, ``2 (mean k(x, x') - mean k(x, y))``.

    Args:
        generated: (N, d), N at least 2.
        reference: (M, d), M at least 2.
    """
    x, y = generated.double(), reference.double()
    within = (_row_sums(x, x) - _own(x)) / (len(x) - 1)
    across = _row_sums(x, y) / len(y)
    beside = (_row_sums(y, y) - _own(y)).mean() / (len(y) - 1)
    influence = 2 * (within - across)
    value = within.mean() + beside - 2 * across.mean()
    return KernelDistance(float(value), float((influence.var() / len(x)).sqrt()))


def subset_distance(
    generated: Tensor,
    reference: Tensor,
    *,
    subsets: int = SUBSETS,
    size: int = SUBSET_SIZE,
    seed: int = SEED,
) -> SubsetDistance:
    """The mean over random subsets of both sides, as KID is usually reported.

    Args:
        generated: (N, d).
        reference: (M, d).
        subsets: the number of subsets.
        size: samples of each side in a subset, chosen without replacement.
        seed: the seed of the subsets.

    Raises:
        GenctlError: (USAGE) fewer samples than the size of a subset.
    """
    least = min(len(generated), len(reference))
    if least < size:
        raise GenctlError(
            ExitStatus.USAGE,
            f"subsets of {size:,} images need at least as many images, and there are {least:,}",
            option="n",
            suggest=Suggestion("", {"n": size}, "at least"),
        )
    # NumPy promises never to change the stream of its legacy generator.
    draw = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        x, y = (
            features[torch.from_numpy(draw.choice(len(features), size, replace=False))]
            for features in (generated, reference)
        )
        values.append(kernel_distance(x, y).value)
    return SubsetDistance(float(np.mean(values)), float(np.std(values)))


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    values = x @ y.T  # in place from here on: fresh memory would cost more than the arithmetic
    return values.div_(x.shape[1]).add_(1).pow_(3)


def _row_sums(x: Tensor, y: Tensor) -> Tensor:
    """``(N,)``: sums of the kernel between each row of ``x`` and all of ``y``."""
    sums, count = x.new_empty(len(x)), max(1, _BLOCK // len(y))
    for place, rows in zip(sums.split(count), x.split(count), strict=True):
        torch.sum(_kernel(rows, y), 1, out=place)
    return sums


def _own(x: Tensor) -> Tensor:
    """``(N,)``: the kernel between each row and itself."""
    return (x.square().sum(1) / x.shape[1] + 1) ** 3
