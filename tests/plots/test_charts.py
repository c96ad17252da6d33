"""Charts of any values and names: whole SVG, the same each time, and names stay text."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Callable
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genctl.plots.charts import bars, curve, histograms, line_over_inverse
from genctl.plots.style import ONE, SERIES, label

pytestmark = pytest.mark.filterwarnings("error")

finite = st.floats(-1e6, 1e6)

NASTY = [
    "<script>alert(1)</script>",
    "$x^2$ and $",
    f'style="{ONE}"',
    "{{ 7 * 7 }}",
    "'\"&amp;",
    "猫",
    "<!-- -->",
]


def texts(svg: str) -> list[str]:
    """What stands in the chart, in order."""
    return ["".join(found.itertext()) for found in ElementTree.fromstring(svg).iter("text")]


def drawn(svg: str, part: str) -> int:
    """How many elements have ``part`` in their tag."""
    return sum(part in tag for tag in re.findall("<[^>]*>", svg))


def bars_in(svg: str) -> int:
    return drawn(svg, '" style="fill: var(--one')


def marks_in(svg: str) -> int:
    return drawn(svg, 'style="fill: var(--two')


@given(st.lists(st.integers(2, 10**6), min_size=2, max_size=15, unique=True), st.data(), finite)
@settings(max_examples=10)
def test_a_line_is_drawn_of_any_values(
    counts: list[int], data: st.DataObject, limit: float
) -> None:
    values = data.draw(st.lists(finite, min_size=len(counts), max_size=len(counts)))
    svg = line_over_inverse(counts, values, limit)
    said = texts(svg)
    assert said[0] == "∞"
    assert f"{min(counts):,}" in said
    assert drawn(svg, "<use href=") >= len(counts)


@given(st.dictionaries(st.text(min_size=1), st.lists(st.floats(0, 1e6), min_size=1), min_size=1))
@settings(max_examples=10)
def test_outlines_are_drawn_of_any_values(series: dict[str, list[float]]) -> None:
    arrays = {name: np.array(values) for name, values in series.items()}
    said = texts(histograms(arrays, "x"))
    assert said[-len(series) :] == [label(name) for name in series]


@given(st.dictionaries(st.text(), finite, min_size=1, max_size=30))
@settings(max_examples=10)
def test_bars_are_drawn_of_any_values(values: dict[str, float]) -> None:
    svg = bars(values, dict.fromkeys(values, 1.0), "real")
    assert bars_in(svg) == len(values)
    assert marks_in(svg) == len(values) + 1  # one in the legend
    said = texts(svg)
    assert [said.count(label(name, 24)) > 0 for name in values] == [name != "" for name in values]


@given(st.lists(st.tuples(st.integers(0, 2**63), st.floats(-1e300, 1e300)), min_size=1))
@settings(max_examples=10)
def test_a_curve_is_drawn_of_any_values(points: list[tuple[float, float]]) -> None:
    assert texts(curve(sorted(points), "examples"))


@pytest.mark.parametrize("name", NASTY)
def test_what_names_say_is_text_and_nothing_else(name: str) -> None:
    plain = bars({"x" * len(name): 1.0}, {})
    svg = bars({name: 1.0}, {})
    assert name[:23] in texts(svg)[-2].removesuffix("…") or name in texts(svg)
    kinds = [element.tag for element in ElementTree.fromstring(svg).iter()]
    assert kinds == [element.tag for element in ElementTree.fromstring(plain).iter()]
    for legend in (histograms({name: np.ones(3)}, name), curve([(1, 2)], name)):
        assert name in texts(legend)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\nb", r"a\nb"), ("\x00", r"\x00"), ("\ud800", r"\ud800"), ("x" * 99, "x" * 39 + "…")],
)
def test_a_name_is_one_printable_line(name: str, shown: str) -> None:
    assert label(name) == shown


CHARTS: dict[str, Callable[[], str]] = {
    "line": lambda: line_over_inverse([10, 20], [2.0, 1.5], 1.0),
    "histograms": lambda: histograms({"a": np.arange(9), "b": np.arange(5)}, "distance"),
    "bars": lambda: bars({"猫": 1.0, "b": 2.0}, {"b": 1.0}, "real images"),
    "curve": lambda: curve([(0, 1.0), (10, 0.5)], "examples"),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_made_for_a_page(name: str) -> None:
    svg = CHARTS[name]()
    assert svg == CHARTS[name]()
    assert svg.startswith("<svg ")
    assert "http" not in svg  # nothing from elsewhere
    assert not re.search(r"<(style|metadata)|font-family|xlink|<\w+ id=\"(?!p|m)", svg)
    colours = re.findall(r"(?<!, )#[0-9a-f]{6}", svg)
    assert colours == []  # all are variables of the page
    assert "var(--one, #0072b2)" in svg


def test_series_differ_without_colour() -> None:
    assert len({line for _, line in SERIES}) == len(SERIES)
    assert "stroke-dasharray" in CHARTS["histograms"]()


def test_drawing_leaves_settings_as_they_were() -> None:
    matplotlib.rcParams["svg.fonttype"] = "path"
    before, level = dict(matplotlib.rcParams), logging.getLogger("matplotlib").level
    assert "<text" in CHARTS["curve"]()
    assert dict(matplotlib.rcParams) == before
    assert logging.getLogger("matplotlib").level == level
    matplotlib.rcParams["svg.fonttype"] = matplotlib.rcParamsDefault["svg.fonttype"]


def test_nothing_is_loaded_before_it_is_drawn() -> None:
    script = (
        "import sys; import genctl.plots.charts, genctl.plots.curves, genctl.web.render\n"
        "import genctl.web.app; heavy = {'matplotlib', 'numpy', 'jinja2', 'starlette', 'uvicorn'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_drawing_needs_no_screen_and_no_pyplot() -> None:
    script = (
        "import sys; from genctl.plots.charts import curve; curve([(0, 1.0)], 'examples')\n"
        "sys.exit('matplotlib.pyplot' in sys.modules or 'tkinter' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
