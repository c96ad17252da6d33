"""The rate and the time left follow what the machine does now."""

from __future__ import annotations

import time

import pytest

from genctl.engine.reporting.progress import PACE_SECONDS, Pace


def test_a_rate_forgets_what_was_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace, position = Pace(50), 50
    for _ in range(60):  # ten examples a second, for two minutes
        now, position = now + 2, position + 20
        assert pace.rate(position) == pytest.approx(10)
    rates = []
    for _ in range(60):  # another program takes most of the machine
        now, position = now + 2, position + 2
        rates.append(pace.rate(position))
    assert rates == sorted(rates, reverse=True)
    slow = int(PACE_SECONDS / 2)
    assert rates[slow - 2] > 1.01
    assert rates[slow:] == pytest.approx([1] * (60 - slow))


def test_a_set_back_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = Pace(0)
    now = 1.0
    assert pace.rate(100) == 100
    now = 2.0
    assert pace.rate(40) == 0
    now = 3.0
    assert pace.rate(90) == 50
