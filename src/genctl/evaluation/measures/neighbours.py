"""Precision, recall, density and coverage, from the nearest neighbours of features.

Each image of a set has a ball that reaches to its k-th nearest neighbour in that set. The union of
the balls approximates the region of such images. Distances are Euclidean, between features, and in
float64. Two that differ by no more than rounding count as equal, so the order of summation does not
decide whether an image is inside a ball.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.measures.intervals import Estimate, share

PRECISION_K, DENSITY_K = 3, 5
"""The number of neighbours that the papers use."""

_BLOCK = 2**24
"""Distances held at a time: 128 MiB."""

_TIE = 1e-9
"""Squared distances with a smaller relative difference count as equal."""


class Nearest(NamedTuple):
    """The nearest neighbour of each image.

    Attributes:
        distances: (N,) float64, to the nearest known image.
        rows: (N,) int64, the index of that image.
    """

    distances: Tensor
    rows: Tensor


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1], and their errors for fixed balls.

    Attributes:
        precision: the share of generated images in a real image's ball: how realistic they are.
        recall: the share of real images in a generated image's ball: how varied these are.
    """

    precision: Estimate
    recall: Estimate


class DensityCoverage(NamedTuple):
    """Variants of precision and recall in which outliers count less.

    Errors are for fixed balls.

    Attributes:
        density: the number of real balls that a generated image is in, divided by k; above 1 if
            generated images are dense.
        coverage: the share of real balls that contain a generated image.
    """

    density: Estimate
    coverage: Estimate


def precision_recall(generated: Tensor, reference: Tensor, k: int = PRECISION_K) -> PrecisionRecall:
    """Kynkäänniemi et al. 2019 (arXiv:1904.06991, eq. 1 and 2); balls include their surface.

    Args:
        generated: (N, d).
        reference: (M, d).
        k: which neighbour a ball reaches to.

    Raises:
        GenctlError: (USAGE) a set has no more than k images.
    """
    model, real = squared_radii(generated, k), squared_radii(reference, k)
    within_real = torch.zeros(len(generated), dtype=torch.bool)
    within_model = torch.zeros(len(reference), dtype=torch.bool)
    for rows, squared in _blocks(generated, reference):
        within_real[rows] = (squared <= real * (1 + _TIE)).any(1)
        within_model |= (squared <= model[rows, None] * (1 + _TIE)).any(0)
    return PrecisionRecall(share(within_real), share(within_model))


def density_coverage(generated: Tensor, reference: Tensor, k: int = DENSITY_K) -> DensityCoverage:
    """Naeem et al. 2020 (arXiv:2002.09797, eq. 3 and 4); balls exclude their surface.

    Args:
        generated: (N, d).
        reference: (M, d).
        k: which neighbour a ball reaches to.

    Raises:
        GenctlError: (USAGE) the reference has no more than k images.
    """
    reach = squared_radii(reference, k) * (1 - _TIE)
    hits = torch.zeros(len(generated), dtype=torch.float64)
    covered = torch.zeros(len(reference), dtype=torch.bool)
    for rows, squared in _blocks(generated, reference):
        inside = squared < reach
        hits[rows] = inside.sum(1).double()
        covered |= inside.any(0)
    return DensityCoverage(_mean(hits / k), share(covered))


def squared_radii(features: Tensor, k: int) -> Tensor:
    """``(N,) float64``: squared distances to the k-th nearest other row of ``features: (N, d)``.

    Raises:
        GenctlError: (USAGE) there are fewer than ``k`` other rows.
    """
    if len(features) <= k:
        raise GenctlError(
            ExitStatus.USAGE,
            f"the {k} nearest neighbours of an image need more than {k} images, "
            f"and there are {len(features)}",
            option="n",
        )
    found = torch.empty(len(features), dtype=torch.float64)
    for rows, squared in _blocks(features, features):
        # The nearest row is the row itself, or an equal one.
        found[rows] = squared.topk(k + 1, dim=1, largest=False).values[:, k]
    return found


def nearest(features: Tensor, known: Tensor) -> Nearest:
    """The nearest of ``known: (M, d)`` to each of ``features: (N, d)``."""
    squares = torch.empty(len(features), dtype=torch.float64)
    places = torch.empty(len(features), dtype=torch.int64)
    for rows, squared in _blocks(features, known):
        torch.min(squared, 1, out=(squares[rows], places[rows]))
    return Nearest(squares.sqrt(), places)


def _blocks(first: Tensor, second: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Squared distances between some rows of ``first`` and all of ``second``, and which rows."""
    known = second.to(torch.float64, copy=True)
    centre = known.mean(0)  # far from it, rounding would be large compared with distances
    known -= centre
    lengths = known.square().sum(1)
    count = max(1, _BLOCK // len(second))
    for start in range(0, len(first), count):
        rows = slice(start, start + count)
        part = first[rows].double() - centre
        squared = part.square().sum(1, keepdim=True) + lengths
        squared -= 2 * part @ known.T
        yield rows, squared.clamp_(min=0)


def _mean(values: Tensor) -> Estimate:
    spread, mean = torch.std_mean(values.double())
    return Estimate(float(mean), float(spread) / len(values) ** 0.5)
