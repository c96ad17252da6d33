from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.measures import kernel_distance as kid
from tests.parity.features import kernel_distance_of_torch_fidelity


def draw(rows: int, columns: int, seed: int, shift: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator) + shift


def by_pairs(x: Tensor, y: Tensor) -> float:
    """The definition, pair by pair."""

    def k(a: Tensor, b: Tensor) -> float:
        return float((a.double() @ b.double() / len(a) + 1) ** 3)

    def within(z: Tensor) -> float:
        pairs = [(i, j) for i, j in product(range(len(z)), repeat=2) if i != j]
        return sum(k(z[i], z[j]) for i, j in pairs) / len(pairs)

    across = sum(k(a, b) for a, b in product(x, y)) / (len(x) * len(y))
    return within(x) + within(y) - 2 * across


@settings(max_examples=20)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 5), st.integers(0, 99))
def test_is_the_unbiased_estimate(n: int, m: int, d: int, seed: int) -> None:
    x, y = draw(n, d, seed), draw(m, d, seed + 100, shift=0.5)
    assert kid.kernel_distance(x, y).value == pytest.approx(by_pairs(x, y), rel=1e-9, abs=1e-9)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw(50, 7, 0), draw(41, 7, 1)
    whole = kid.kernel_distance(x, y)
    monkeypatch.setattr(kid, "_BLOCK", 300)
    assert kid.kernel_distance(x, y) == pytest.approx(whole, rel=1e-9)


def test_sets_of_one_distribution_are_zero_apart_on_average() -> None:
    values = [kid.kernel_distance(draw(40, 8, s), draw(60, 8, s + 500)).value for s in range(200)]
    assert abs(np.mean(values)) < 4 * np.std(values) / len(values) ** 0.5
    assert min(values) < 0  # nothing is clamped


def test_its_error_is_the_spread_over_generated_sets() -> None:
    reference = draw(400, 6, 0, shift=0.3)
    found = [kid.kernel_distance(draw(200, 6, seed), reference) for seed in range(1, 151)]
    spread = np.std([f.value for f in found], ddof=1)
    assert np.mean([f.error for f in found]) == pytest.approx(spread, rel=0.2)


@pytest.mark.oracle
@pytest.mark.parametrize(("n", "m"), [(120, 150), (64, 64)])
def test_subsets_agree_with_torch_fidelity(n: int, m: int) -> None:
    x, y = draw(n, 32, 0), draw(m, 32, 1, shift=0.1)
    theirs = kernel_distance_of_torch_fidelity(x, y, subsets=20, size=60)
    assert kid.subset_distance(x, y, subsets=20, size=60) == pytest.approx(theirs, rel=1e-5)


def test_subsets_need_as_many_images() -> None:
    with pytest.raises(GenctlError, match=r"subsets of 1,000 .* there are 30") as caught:
        kid.subset_distance(draw(30, 4, 0), draw(2000, 4, 1))
    assert caught.value.code == ExitStatus.USAGE
