"""How often the loop draws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.engine.loop import PREVIEW_SHARE, preview_pause


@pytest.mark.parametrize(
    ("elapsed", "drawing", "pause"), [(0, 0.1, 15), (100, 1, 50), (9_000, 1, 600), (10, 60, 1200)]
)
def test_pauses_grow_with_the_run_and_with_what_a_preview_takes(
    elapsed: float, drawing: float, pause: float
) -> None:
    assert preview_pause(elapsed, drawing) == pytest.approx(pause)


@given(st.floats(0, 1e6), st.floats(0, 1e4))
def test_previews_take_no_more_than_their_share(elapsed: float, drawing: float) -> None:
    assert drawing <= PREVIEW_SHARE * preview_pause(elapsed, drawing) * (1 + 1e-9)
