"""Small charts as SVG text: no script, no font, no file besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 460, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 12, 12, 34
_BAR = 18


class Axis(NamedTuple):
    """A linear map from values to pixels."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.stop - self.start)


def line_over_inverse(counts: Sequence[int], values: Sequence[float], limit: float) -> str:
    """Values at several counts over 1 / count, and the line that meets the axis at ``limit``."""
    x = Axis(0, 1 / min(counts), _LEFT, WIDTH - _RIGHT)
    low, high = min(0.0, limit, *values), max(*values, limit)
    y = Axis(low, high + 0.05 * (high - low), HEIGHT - _BOTTOM, _TOP)
    slope = np.polyfit([1 / n for n in counts], np.asarray(values) - limit, 1)[0]
    end = limit + slope / min(counts)
    dots = [_dot(x(1 / n), y(v)) for n, v in zip(counts, values, strict=True)]
    line = _line(x(0), y(limit), x(1 / min(counts)), y(end), "fit")
    labels = [(x(1 / n), f"1/{n:,}") for n in (max(counts), min(counts))]
    return _frame(x, y, [line, *dots], [(x(0), "0"), *labels], "1 / number of images")


def curve(points: Sequence[tuple[float, float]], label: str) -> str:
    """A metric against what was seen of the data, and a dot at its end."""
    at, values = zip(*points, strict=True)
    x = Axis(min(at), max(at), _LEFT, WIDTH - _RIGHT)
    y = Axis(min(values), max(values), HEIGHT - _BOTTOM, _TOP)
    path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)
    line = f'<polyline class="l0" points="{path}"/>'
    ticks = [(x(at[0]), f"{at[0]:,.0f}"), (x(at[-1]), f"{at[-1]:,.0f}")]
    return _frame(x, y, [line, _dot(x(at[-1]), y(values[-1]))], ticks, label)


def histograms(series: Mapping[str, NDArray[np.float64]], label: str, bins: int = 40) -> str:
    """Shares of values in equal bins, one outline for each series."""
    top = float(max(np.quantile(values, 0.995) for values in series.values()))
    edges = np.linspace(0, top, bins + 1)
    shares = {
        name: np.histogram(np.minimum(values, top), edges)[0] / len(values)
        for name, values in series.items()
    }
    x = Axis(0, top, _LEFT, WIDTH - _RIGHT)
    y = Axis(0, 1.1 * max(float(s.max()) for s in shares.values()), HEIGHT - _BOTTOM, _TOP)
    outlines = [_outline(edges, share, x, y, place) for place, share in enumerate(shares.values())]
    legend = [
        f'<text class="s{place}" x="{WIDTH - _RIGHT}" y="{_TOP + 14 + 16 * place}" '
        f'text-anchor="end">{escape(name)}</text>'
        for place, name in enumerate(shares)
    ]
    ticks = [(x(value), f"{value:.3g}") for value in (0.0, top / 2, top)]
    return _frame(x, y, outlines + legend, ticks, label)


def bars(values: Mapping[str, float], floors: Mapping[str, float]) -> str:
    """A bar for each name, and a mark where real images stand."""
    top = max(1e-12, *values.values(), *floors.values()) if floors else max(1e-12, *values.values())
    x = Axis(0, top, 130, WIDTH - 70)
    height = _BAR * len(values) + 8
    parts = []
    for place, (name, value) in enumerate(values.items()):
        y = 4 + _BAR * place
        parts.append(f'<text x="122" y="{y + 13}" text-anchor="end">{escape(name[:18])}</text>')
        parts.append(
            f'<rect class="bar" x="{x(0):.1f}" y="{y + 3}" width="{x(max(0.0, value)) - x(0):.1f}" '
            f'height="{_BAR - 6}"/>'
        )
        parts.append(f'<text x="{x(max(0.0, value)) + 5:.1f}" y="{y + 13}">{value:.3g}</text>')
        if name in floors:
            at = x(floors[name])
            parts.append(_line(at, y + 1, at, y + _BAR - 1, "real"))
    return _svg(height, parts)


def _frame(
    x: Axis, y: Axis, parts: Sequence[str], ticks: Sequence[tuple[float, str]], label: str
) -> str:
    bottom = HEIGHT - _BOTTOM
    axes = [
        _line(x.start, bottom, x.stop, bottom, "axis"),
        _line(x.start, bottom, x.start, _TOP, "axis"),
    ]
    marks = [
        f'<text x="{at:.1f}" y="{bottom + 15}" '
        f'text-anchor="{"end" if at >= x.stop else "middle"}">{escape(text)}</text>'
        for at, text in ticks
    ]
    heights = [
        f'<text x="{x.start - 5}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        for value in np.linspace(y.low, y.high, 4)[:-1]
    ]
    title = (
        f'<text x="{(x.start + x.stop) / 2:.1f}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"{escape(label)}</text>"
    )
    return _svg(HEIGHT, [*axes, *parts, *marks, *heights, title])


def _outline(
    edges: NDArray[np.float64], share: NDArray[np.float64], x: Axis, y: Axis, k: int
) -> str:
    corners = [(edges[0], 0.0)]
    for left, right, value in zip(edges[:-1], edges[1:], share, strict=True):
        corners += [(left, value), (right, value)]
    corners.append((edges[-1], 0.0))
    path = " ".join(f"{x(float(a)):.1f},{y(float(b)):.1f}" for a, b in corners)
    return f'<polyline class="l{k}" points="{path}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>'


def _svg(height: int, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}">{"".join(parts)}</svg>'
