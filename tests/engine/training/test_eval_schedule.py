"""What previews and scores may take of a run's time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.engine.training.eval_schedule import (
    FEWEST_SCORED,
    PREVIEW_SHARE,
    SCORE_SHARE,
    EvalSchedule,
    affordable,
)

seconds = st.floats(0, 1e5)


@pytest.mark.parametrize(
    ("elapsed", "drawing", "pause"), [(0, 0.1, 15), (100, 1, 50), (9_000, 1, 600), (10, 60, 1200)]
)
def test_pauses_grow_with_the_run_and_with_what_a_preview_takes(
    elapsed: float, drawing: float, pause: float
) -> None:
    assert EvalSchedule(1000, drawing).pause(elapsed) == pytest.approx(pause)


@given(seconds, seconds)
def test_previews_take_no_more_than_their_share(elapsed: float, drawing: float) -> None:
    assert drawing <= PREVIEW_SHARE * EvalSchedule(1000, drawing).pause(elapsed) * (1 + 1e-9)


@given(st.integers(1, 10_000), seconds, st.floats(1, 1e5), st.integers(1, 100))
def test_scores_take_no_more_than_their_share(
    wanted: int, sample: float, budget: float, scores: int
) -> None:
    fit = affordable(wanted, sample, budget, scores)
    assert fit in (0, *range(min(wanted, FEWEST_SCORED), wanted + 1))
    assert fit * sample * scores <= SCORE_SHARE * budget * (1 + 1e-9) + 1e-4
    if wanted * sample * scores < SCORE_SHARE * budget * (1 - 1e-9):
        assert fit == wanted
