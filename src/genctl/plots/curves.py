"""``curves.png``: one panel for each metric of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genctl.plots.charts import draw_points
from genctl.plots.style import PALE, drawing, label, to_png

MAX_PANELS = 40
"""The maximum number of panels; further metrics are only counted."""

_WIDTH, _HEIGHT, _COLUMNS = 4.2, 2.0, 2
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.7, 0.15, 0.35, 0.3
_HUGE = 1e300  # larger values have infinite differences; NaN is not below it
_UNPLOTTED = ("position", "elapsed", "fractions")

Points = list[tuple[float, float]]


def draw_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw every metric of ``metrics.jsonl`` rows against the examples seen."""
    series = series_of(rows)
    if series:
        path.write_bytes(_sheet(series))


def series_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Points]:
    """Metric -> (examples, value) for all values that are finite numbers."""
    found: dict[str, Points] = {}
    for row in rows:
        for name, value in row.items():
            if name not in _UNPLOTTED and isinstance(value, int | float) and abs(value) < _HUGE:
                found.setdefault(name, []).append((row["position"], float(value)))
    return found


def _sheet(series: Mapping[str, Points]) -> bytes:
    from matplotlib.figure import Figure

    names = list(series)[:MAX_PANELS]
    columns = min(_COLUMNS, len(names))
    lines = math.ceil(len(names) / columns)
    width, height = columns * _WIDTH, lines * _HEIGHT + _BOTTOM
    with drawing():
        figure = Figure(figsize=(width, height))
        for number, name in enumerate(names):
            line, column = divmod(number, columns)
            axes = figure.add_axes(
                (
                    (column * _WIDTH + _LEFT) / width,
                    1 - ((line + 1) * _HEIGHT - _BOTTOM) / height,
                    (_WIDTH - _LEFT - _RIGHT) / width,
                    (_HEIGHT - _TOP - _BOTTOM) / height,
                )
            )
            draw_points(axes, series[name])
            axes.set_title(label(name))
            axes.set_title(f"{series[name][-1][1]:.4g}", loc="right", color=PALE)
        left_out = len(series) - len(names)
        more = f"; {left_out} more metrics are in metrics.jsonl" if left_out else ""
        figure.text(0.5, 0.1 / height, f"examples{more}", ha="center", color=PALE)
        return to_png(figure)
