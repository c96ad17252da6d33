from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genctl.evaluation.measures import intervals
from genctl.evaluation.measures.intervals import bootstrap, share, wilson

Z = 1.959963984540054


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilsons_interval_is_his_formula(count: int, part: float) -> None:
    hits = round(part * count)
    p = hits / count
    middle = (p + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z * math.sqrt(p * (1 - p) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
    found = wilson(hits, count)
    assert found == pytest.approx((middle - half, middle + half), abs=1e-12)
    assert 0 <= found.low <= p <= found.high <= 1


def test_a_share_of_many_has_the_usual_standard_error() -> None:
    hit = torch.arange(40_000) % 4 == 0
    found = share(hit)
    assert found.value == 0.25
    assert found.error == pytest.approx(float(hit.double().std()) / 200, rel=1e-3)


@pytest.mark.parametrize("hits", [False, True])
def test_a_share_of_nothing_or_all_has_an_error(hits: bool) -> None:
    assert share(torch.full((100,), hits)).error == pytest.approx(0.0094, abs=1e-4)


def test_the_bootstrap_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=500)
    error = values.std() / 500**0.5
    assert bootstrap(values, np.mean, resamples=4000).error == pytest.approx(error, rel=0.05)


def test_the_bootstrap_is_seeded_whatever_is_held_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(0).normal(size=50)
    found = bootstrap(values, np.median).error
    assert bootstrap(values, np.median, seed=1).error != found
    monkeypatch.setattr(intervals, "_HELD", 100)
    assert bootstrap(values, np.median).error == pytest.approx(found)
