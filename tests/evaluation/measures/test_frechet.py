from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from genctl.evaluation.measures.frechet import FeatureStats, Gaussian, frechet_distance, frechet_of

# Both sides of "as many rows as columns", where the factor of the covariance changes its kind.
shapes = st.tuples(st.integers(2, 40), st.integers(1, 20))
seeds = st.integers(0, 2**32 - 1)


def draw(rows: int, columns: int, seed: int, *, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(columns, columns, generator=generator)
    return scale * torch.randn(rows, columns, generator=generator) @ mix + mix[0]


def distance(first: Tensor, second: Tensor) -> float:
    return frechet_distance(Gaussian.fit(first), Gaussian.fit(second))


def textbook(first: Tensor, second: Tensor) -> float:
    """The formula as published; fine for covariances of full rank."""
    means = first.double().mean(0) - second.double().mean(0)
    one, two = np.cov(first.double().T), np.cov(second.double().T)
    roots = np.sqrt(np.linalg.eigvals(one @ two).astype(complex)).real.sum()
    return float(means.square().sum() + np.trace(one) + np.trace(two) - 2 * roots)


def test_one_dimension_is_means_and_deviations_apart() -> None:
    first = Gaussian(torch.tensor([3.0]).double(), torch.tensor([[2.0]]).double())
    second = Gaussian(torch.tensor([-1.0]).double(), torch.tensor([[0.5]]).double())
    assert frechet_distance(first, second) == pytest.approx(4**2 + 1.5**2, rel=1e-14)


def test_equal_covariances_leave_the_means() -> None:
    factor = torch.eye(256, dtype=torch.float64)
    zeros, ones = torch.zeros(256).double(), torch.ones(256).double()
    assert frechet_distance(Gaussian(zeros, factor), Gaussian(ones, factor)) == pytest.approx(256)


def test_diagonal_covariances() -> None:
    one, two = torch.rand(2, 30, generator=torch.Generator().manual_seed(0)).double()
    mean = torch.zeros(30).double()
    expected = (one - two).square().sum().item()
    found = frechet_distance(Gaussian(mean, one.diag()), Gaussian(mean, two.diag()))
    assert found == pytest.approx(expected, rel=1e-12)


def test_full_rank_agrees_with_the_textbook() -> None:
    first, second = draw(500, 30, 0), draw(700, 30, 1)
    assert distance(first, second) == pytest.approx(textbook(first, second), rel=1e-10)


@pytest.mark.parametrize(("rows", "columns"), [(400, 300), (100, 300)])
@pytest.mark.parametrize("dead", [0, 100])
def test_distance_to_itself_is_zero(rows: int, columns: int, dead: int) -> None:
    features = 10 * draw(rows, columns, 0)
    features[:, :dead] = 0  # units that never fire make any covariance singular
    # What cancels are sums of variances, so rounding is measured against these; 5.4e-15 of them
    # was seen with one thread, on one kind of CPU.
    assert distance(features, features) == pytest.approx(
        0, abs=1e-14 * float(features.var(0).sum())
    )
    assert distance(features, features) / Gaussian.fit(features).trace < 1e-10


@given(shape=shapes, count=st.integers(2, 40), seed=seeds)
def test_is_a_symmetric_divergence(shape: tuple[int, int], count: int, seed: int) -> None:
    first, second = draw(*shape, seed), draw(count, shape[1], seed + 1)
    there, back = distance(first, second), distance(second, first)
    assert there >= 0
    assert there == pytest.approx(back, rel=1e-9)


@given(shape=shapes, seed=seeds)
def test_ignores_rotations_and_translations(shape: tuple[int, int], seed: int) -> None:
    first, second = draw(*shape, seed).double(), draw(*shape, seed + 1).double()
    basis, _ = torch.linalg.qr(draw(shape[1], shape[1], seed + 2).double())
    moved = distance(first @ basis + 5, second @ basis + 5)
    assert moved == pytest.approx(distance(first, second), rel=1e-8, abs=1e-8)


@given(shape=shapes, cut=st.integers(1, 39), seed=seeds)
def test_merged_statistics_are_those_of_the_whole(
    shape: tuple[int, int], cut: int, seed: int
) -> None:
    features = draw(*shape, seed)
    cut = min(cut, len(features) - 1)
    merged = FeatureStats.of(features[:cut]).merge(FeatureStats.of(features[cut:]))
    whole = FeatureStats.of(features)
    assert merged.count == whole.count == shape[0]
    torch.testing.assert_close(merged.mean, whole.mean)
    torch.testing.assert_close(merged.scatter, whole.scatter)


def test_statistics_are_summed_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    features = draw(1000, 5, 0) + 1e4  # far from 0, where naive sums of squares cancel
    monkeypatch.setattr("genctl.evaluation.measures.frechet._CHUNK", 64)
    stats = FeatureStats.of(features)
    np.testing.assert_allclose(stats.scatter / 999, np.cov(features.double().T), rtol=1e-10)


@given(shape=shapes, seed=seeds)
def test_statistics_and_features_give_one_distance(shape: tuple[int, int], seed: int) -> None:
    features, other = draw(*shape, seed), Gaussian.fit(draw(50, shape[1], seed + 1))
    direct = frechet_distance(Gaussian.fit(features), other)
    by_stats = frechet_distance(Gaussian.from_stats(FeatureStats.of(features)), other)
    assert by_stats == pytest.approx(direct, rel=1e-6, abs=1e-6)


@given(shape=shapes, seed=seeds)
def test_both_ways_to_the_distance_agree(shape: tuple[int, int], seed: int) -> None:
    features, other = draw(*shape, seed), Gaussian.fit(draw(30, shape[1], seed + 1))
    result = frechet_of(features, other)
    expected = frechet_distance(Gaussian.fit(features), other)
    assert result.distance == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert result.distance == result.mean_term + result.covariance_term
    assert result.error >= 0


def test_constant_reference() -> None:
    features = draw(20, 3, 0)
    result = frechet_of(features, Gaussian.fit(torch.zeros(5, 3)))
    moments = features.double().mean(0).square().sum() + np.trace(np.cov(features.double().T))
    assert result.distance == pytest.approx(moments.item())


@pytest.mark.parametrize(
    ("count", "dim", "scale", "widest"), [(1000, 8, 1.3, 1.15), (40, 60, 1.5, 1.5)]
)
def test_error_is_the_spread_of_repeated_draws(
    count: int, dim: int, scale: float, widest: float
) -> None:
    reference = Gaussian.fit(draw(2000, dim, 0))
    mix = torch.randn(dim, dim, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    results = [
        frechet_of(scale * torch.randn(count, dim, generator=generator) @ mix, reference)
        for _ in range(200)
    ]
    spread = np.std([result.distance for result in results])
    typical = np.mean([result.error for result in results])
    assert 0.9 < typical / spread < widest  # the spread itself is known to 5 %
