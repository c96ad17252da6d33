from __future__ import annotations

import numpy as np
import pytest
import torch

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.measures.frechet import Gaussian, frechet_of
from genctl.evaluation.measures.infinity import extrapolate


def test_it_is_the_line_of_least_squares_over_one_by_n() -> None:
    samples = torch.randn(300, 5, generator=torch.Generator().manual_seed(0))
    truth = Gaussian(torch.zeros(5).double(), torch.eye(5).double())
    found = extrapolate(samples, truth)
    over = 1 / np.array(found.counts)
    (slope, limit), covariance = np.polyfit(over, found.distances, 1, cov=True)
    assert (found.limit, found.slope) == pytest.approx((limit, slope))
    of_all = frechet_of(samples, truth).error
    assert found.error == pytest.approx(np.hypot(covariance[1, 1] ** 0.5, of_all))


def test_its_error_is_the_spread_over_generated_sets() -> None:
    truth = Gaussian(torch.full((5,), 0.3).double(), torch.eye(5).double())
    found = [
        extrapolate(torch.randn(400, 5, generator=torch.Generator().manual_seed(seed)), truth)
        for seed in range(80)
    ]
    spread = np.std([f.limit for f in found], ddof=1)
    assert np.mean([f.error for f in found]) == pytest.approx(spread, rel=0.35)


def test_the_bias_of_few_samples_is_taken_off() -> None:
    """Against the distribution itself the distance at infinity is 0, and at N far above it."""
    dim = 16
    truth = Gaussian(torch.zeros(dim).double(), torch.eye(dim).double())
    limits, whole = [], []
    for seed in range(20):
        samples = torch.randn(600, dim, generator=torch.Generator().manual_seed(seed))
        found = extrapolate(samples, truth)
        limits.append(found.limit)
        whole.append(found.distances[-1])
        assert found.counts[0] == 60
        assert found.counts[-1] == 600
    assert np.mean(whole) > 0.1
    assert abs(np.mean(limits)) < 0.2 * np.mean(whole)


def test_it_is_seeded() -> None:
    samples = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    truth = Gaussian(torch.zeros(4).double(), torch.eye(4).double())
    assert extrapolate(samples, truth) == extrapolate(samples, truth)
    assert extrapolate(samples, truth, seed=1) != extrapolate(samples, truth)


def test_too_few_samples_to_extrapolate_from() -> None:
    truth = Gaussian(torch.zeros(2).double(), torch.eye(2).double())
    with pytest.raises(GenctlError, match="too few") as caught:
        extrapolate(torch.randn(12, 2), truth)
    assert caught.value.code == ExitStatus.USAGE
