"""``curves.png``: a panel for each metric, whatever the rows hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

from genctl.plots.curves import MAX_PANELS, draw_curves, series_of


def size_of(rows: Sequence[Mapping[str, object]], path: Path) -> tuple[int, int]:
    draw_curves(rows, path)
    with Image.open(path) as image:
        return image.size


def test_every_metric_has_a_panel(tmp_path: Path) -> None:
    rows = [
        {"position": k, "elapsed": 1.0, "loss": 1 / k, "猫/$loss$": 2.0, "generator/loss": -k}
        for k in range(1, 9)
    ]
    one = size_of([{"position": 1, "loss": 1.0}], tmp_path / "one.png")
    two = size_of([{"position": 1, "loss": 1.0, "lr": 1.0}], tmp_path / "two.png")
    three = size_of(rows, tmp_path / "three.png")
    assert (two[0], two[1]) == (2 * one[0], one[1])
    assert three[0] == two[0]
    assert three[1] > 1.8 * two[1]


def test_values_that_are_no_finite_numbers_are_left_out() -> None:
    bad = [float("nan"), float("inf"), -float("inf"), 1e301, 10**400, "1", None, [1.0]]
    rows = [{"position": k, "x": value, "elapsed": 1.0} for k, value in enumerate(bad)]
    assert series_of([*rows, {"position": 99, "x": 1}]) == {"x": [(99, 1.0)]}


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    draw_curves([{"position": 1, "elapsed": 3.0}], tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()


@pytest.mark.parametrize("value", [0.0, 9e299, -9e299, 5e-324, 1e-7])
def test_extreme_values_are_drawn(value: float, tmp_path: Path) -> None:
    rows = [{"position": 2**63 - 1 - k, "x": value * (-1) ** k} for k in (1, 0)]
    assert size_of(rows, tmp_path / "curves.png")[0] > 500


def test_there_is_an_end_to_panels(tmp_path: Path) -> None:
    many = {f"m{k}": 1.0 for k in range(MAX_PANELS)}
    full = size_of([{"position": 1, **many}], tmp_path / "full.png")
    more = size_of([{"position": 1, **many, "more": 1.0}], tmp_path / "more.png")
    assert more == full
