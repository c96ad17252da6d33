"""``curves.png``: one small panel a metric, drawn with Pillow alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT, _MARGIN, _COLUMNS = 420, 220, 34, 2
_INK, _FAINT, _PAPER, _LINE = (40, 40, 40), (205, 205, 205), (255, 255, 255), (32, 96, 176)
_HUGE = 1e300  # beyond, differences are not finite; NaN is not below it
_UNPLOTTED = ("position", "elapsed", "fractions")

Points = list[tuple[float, float]]


def draw_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw every metric of ``metrics.jsonl`` rows against the examples seen."""
    series = series_of(rows)
    if not series:
        return
    lines = math.ceil(len(series) / _COLUMNS)
    sheet = Image.new("RGB", (_WIDTH * min(_COLUMNS, len(series)), _HEIGHT * lines), _PAPER)
    for number, (name, points) in enumerate(series.items()):
        line, column = divmod(number, _COLUMNS)
        sheet.paste(_panel(name, points), (column * _WIDTH, line * _HEIGHT))
    sheet.save(path)


def series_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Points]:
    """Metric -> (examples, value), as far as values are finite numbers."""
    found: dict[str, Points] = {}
    for row in rows:
        for name, value in row.items():
            if name not in _UNPLOTTED and isinstance(value, int | float) and abs(value) < _HUGE:
                found.setdefault(name, []).append((row["position"], float(value)))
    return found


def _panel(name: str, points: Points) -> Image.Image:
    panel = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(panel)
    font = ImageFont.load_default(12)
    left, top, right, bottom = _MARGIN * 2, _MARGIN, _WIDTH - 12, _HEIGHT - _MARGIN
    low, high = min(y for _, y in points), max(y for _, y in points)
    first, last = points[0][0], points[-1][0]
    draw.rectangle((left, top, right, bottom), outline=_FAINT)
    draw.text((left, 10), name, fill=_INK, font=font)
    draw.text((6, top - 6), f"{high:.4g}", fill=_INK, font=font)
    draw.text((6, bottom - 8), f"{low:.4g}", fill=_INK, font=font)
    draw.text((left, bottom + 6), f"{first:,.0f}", fill=_INK, font=font)
    draw.text((right, bottom + 6), f"{last:,.0f}", fill=_INK, font=font, anchor="ra")

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = left + (point[0] - first) / ((last - first) or 1) * (right - left)
        y = bottom - (point[1] - low) / ((high - low) or 1) * (bottom - top)
        return x, y

    placed = [place(point) for point in points]
    if len(placed) > 1:
        draw.line(placed, fill=_LINE, width=2, joint="curve")
    x, y = placed[-1]
    draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=_LINE)
    return panel
