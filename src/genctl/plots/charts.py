"""Charts for pages, as SVG elements, drawn from plain numbers and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genctl.plots.style import INK, ONE, PALE, SERIES, TWO, drawing, label, single, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Values = NDArray[Any]

WIDTH, HEIGHT = 4.8, 2.5
"""The size of a chart in inches."""

_TICKS, _STEPS = 4, (1, 2, 2.5, 5, 10)
_BAR, _MARGIN, _LEGEND = 0.2, 0.45, 0.25


def curve(points: Sequence[tuple[float, float]], axis: str) -> str:
    """A curve of values, with a dot at the last one.

    Args:
        points: pairs of position and finite value, sorted by position; at least one.
        axis: what the positions count.
    """
    with drawing():
        figure, axes = single(WIDTH, HEIGHT)
        draw_points(axes, points)
        axes.set_xlabel(label(axis))
        return to_svg(figure)


def draw_points(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """A line through ``points`` and a dot at its end, on axes with few, short ticks."""
    from matplotlib.ticker import EngFormatter, MaxNLocator

    places, values = zip(*points, strict=True)
    axes.plot(places, values, color=ONE)
    axes.plot(places[-1:], values[-1:], "o", color=ONE)
    axes.xaxis.set_major_locator(MaxNLocator(_TICKS, steps=_STEPS, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_major_locator(MaxNLocator(_TICKS, steps=_STEPS))
    axes.yaxis.set_major_formatter("{x:.4g}")


def line_over_inverse(counts: Sequence[int], values: Sequence[float], limit: float) -> str:
    """Values at several counts over 1 / count, and the line that reaches ``limit`` at infinity.

    Args:
        counts: positive; at least one.
        values: finite, one for each count.
        limit: the value at which the line meets the axis.
    """
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    inverse = 1 / np.asarray(counts, dtype=float)
    slope = np.linalg.lstsq(inverse[:, None], np.asarray(values) - limit, rcond=None)[0][0]
    fewest, most = min(counts), max(counts)
    ticks = {0.0: "∞"} | {1 / n: f"{n:,}" for n in sorted({fewest, min(2 * fewest, most), most})}
    with drawing():
        figure, axes = single(WIDTH, HEIGHT)
        axes.plot([0, 1 / fewest], [limit, limit + slope / fewest], color=TWO)
        axes.plot(0, limit, "o", color=TWO, markerfacecolor="none")
        axes.plot(inverse, values, "o", color=ONE)
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.yaxis.set_major_locator(MaxNLocator(_TICKS, steps=_STEPS))
        axes.set_xlabel("number of images N, on a scale of 1/N")
        return to_svg(figure)


def histograms(series: Mapping[str, Values], axis: str, bins: int = 40) -> str:
    """Shares of values in equal bins, one outline for each series.

    Args:
        series: name -> (N,) values of at least 0; the largest 0.5 % go into the last bin.
        axis: the label of the values.
    """
    import numpy as np
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    top = float(max(np.quantile(values, 0.995) for values in series.values())) or 1.0
    edges = np.linspace(0, top, bins + 1)
    with drawing():
        figure, axes = single(WIDTH, HEIGHT)
        outlines = []
        for place, values in enumerate(series.values()):
            colour, line = SERIES[place % len(SERIES)]
            counted, _ = np.histogram(np.minimum(values, top), edges)
            shares = counted / len(values)
            outlines.append(axes.stairs(shares, edges, color=colour, linestyle=line))
        axes.set_xlim(0, top)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(_TICKS, steps=_STEPS))
        axes.yaxis.set_major_locator(MaxNLocator(_TICKS, steps=_STEPS))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
        axes.set_xlabel(label(axis))
        axes.set_ylabel("share")
        # Pass names with their lines: matplotlib omits labels that begin with "_" otherwise.
        names = [label(name) for name in series]
        figure.legend(outlines, names, loc="outside upper right", ncols=2)
        return to_svg(figure)


def bars(values: Mapping[str, float], marks: Mapping[str, float], mark: str = "") -> str:
    """A horizontal bar for each name, from the top, with a mark at a second value.

    Args:
        values: name -> finite value.
        marks: name -> finite value; names without a value have no mark.
        mark: the label of the marks in the legend.
    """
    from matplotlib.ticker import MaxNLocator

    names, heights = list(values), list(values.values())
    places = [(place, marks[name]) for place, name in enumerate(names) if name in marks]
    with drawing():
        legend = _LEGEND if mark and places else 0.0
        figure, axes = single(WIDTH, _BAR * len(names) + _MARGIN + legend)
        axes.barh(range(len(names)), heights, height=0.6, color=ONE)
        if places:
            rows, found = zip(*places, strict=True)
            drawn = axes.plot(found, rows, "|", color=TWO, markersize=9, markeredgewidth=1.5)
            if mark:
                figure.legend(drawn, [label(mark)], loc="outside upper right")
        for place, value in enumerate(heights):
            axes.annotate(
                f"{value:.3g}",
                (max(0.0, value, marks.get(names[place], 0.0)), place),
                (4, 0),
                textcoords="offset points",
                color=INK,
                fontsize=7,
                va="center_baseline",
            )
        axes.set_yticks(range(len(names)), [label(name, 24) for name in names], color=PALE)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.margins(x=0.1)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(_TICKS, steps=_STEPS))
        return to_svg(figure)
