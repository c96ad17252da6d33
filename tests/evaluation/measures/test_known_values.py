"""Values that others have published or that follow on paper, whatever the implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from genctl.evaluation.measures.frechet import Gaussian, frechet_distance
from genctl.evaluation.measures.kernel_distance import kernel_distance
from genctl.evaluation.measures.neighbours import density_coverage, precision_recall


def normal(rows: int, columns: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, columns)))


def test_means_one_apart_in_every_one_of_2048_features() -> None:
    """pytorch-fid's own test: 0 and 1 with unit covariance are 2048 apart."""
    unit = torch.eye(2048, dtype=torch.float64)
    zeros, ones = (torch.full((2048,), value, dtype=torch.float64) for value in (0.0, 1.0))
    found = frechet_distance(Gaussian(zeros, unit), Gaussian(ones, unit))
    assert found == pytest.approx(2048, rel=1e-12)


@pytest.mark.filterwarnings("ignore:Matrix is singular")
@pytest.mark.parametrize("rows", [2, 8, 64, 512])
@pytest.mark.parametrize("columns", [2, 16, 128])
def test_the_grid_of_torch_fidelity(rows: int, columns: int) -> None:
    """Its test of a matrix root: sizes from far too few images to plenty."""
    from scipy.linalg import sqrtm

    first, second = normal(rows, columns, 2023), normal(rows, columns, 2024)
    one, two = (np.cov(x, rowvar=False).reshape(columns, columns) for x in (first, second))
    root = float(np.trace(sqrtm(one @ two)).real)
    gap = float((first.mean(0) - second.mean(0)).square().sum())
    expected = gap + np.trace(one) + np.trace(two) - 2 * root
    found = frechet_distance(Gaussian.fit(first), Gaussian.fit(second))
    assert found == pytest.approx(expected, abs=1e-5 * (1 + expected))


def test_its_trap_of_negative_eigenvalues() -> None:
    """Four features of four images: a product of covariances with real negative eigenvalues."""
    random = np.random.RandomState(1)
    first, second = (torch.from_numpy(random.randn(4, 4)) for _ in range(2))
    found = frechet_distance(Gaussian.fit(first), Gaussian.fit(second))
    assert np.isfinite(found)
    assert found > 0


@pytest.mark.slow
def test_the_values_in_the_readme_of_prdc() -> None:
    """10,000 draws on both sides of 1,000 independent features, k = 5.

    From one draw to the next density alone moves by a tenth, so theirs, of one, is held against the
    mean of four.
    """

    def measured(seed: int) -> tuple[float, ...]:
        real, made = normal(10_000, 1000, 2 * seed), normal(10_000, 1000, 2 * seed + 1)
        close, crowd = precision_recall(made, real, 5), density_coverage(made, real, 5)
        estimates = (close.precision, close.recall, crowd.density, crowd.coverage)
        return tuple(estimate.value for estimate in estimates)

    precision, recall, density, coverage = np.mean([measured(seed) for seed in range(4)], axis=0)
    assert precision == pytest.approx(0.4772, abs=0.03)
    assert recall == pytest.approx(0.4705, abs=0.03)
    assert density == pytest.approx(1.0555, abs=0.05)
    assert coverage == pytest.approx(0.9735, abs=0.01)


def test_a_kernel_distance_to_itself_is_just_below_zero() -> None:
    x = normal(400, 16, 0)
    assert -0.1 < kernel_distance(x, x).value < 0
