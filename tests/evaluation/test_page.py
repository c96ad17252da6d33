"""The page of an evaluation, and its charts: valid, whole, and harmless whatever names say."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.evaluation.page import Page, Picture
from genctl.evaluation.score import Score
from genctl.plots.charts import bars, histograms, line_over_inverse
from genctl.registry import METRICS, MetricSpec, part_of

NASTY = "<script>alert(1)</script>猫&\"'"


def score(name: str, value: float = 1.0) -> Score:
    return Score(name, value, 0.5, "an error", 10, 20, f"{name}|n:10/20|k:<=", (NASTY,))


class Tags(HTMLParser):
    """The tags of a document, which must be closed in order."""

    VOID = frozenset({"meta", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def page(**changes: object) -> str:
    fields: dict[str, object] = {
        "title": NASTY,
        "facts": {"generated": NASTY},
        "scores": [score("fd[digits]"), score(f"kd[{NASTY}]")],
        "baselines": {"fd[digits]": score("fd[digits]", 0.25)},
        "warnings": [NASTY],
        "grids": [Picture(b"png", NASTY, 10)],
        "pairs": [Picture(b"png", "0.5", 10)],
        "pairs_note": NASTY,
        "charts": {NASTY: bars({NASTY: 1.0}, {})},
    }
    return Page(**{**fields, **changes}).to_html()  # type: ignore[arg-type]


def test_names_of_any_kind_are_text_and_nothing_else() -> None:
    parsed = Tags(page())
    assert parsed.open == []
    tags = {tag for tag, _ in parsed.seen}
    assert tags.isdisjoint({"script", "link", "iframe"})
    for _, attributes in parsed.seen:
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")


def test_it_shows_values_floors_warnings_and_signatures() -> None:
    text = page()
    for part in ("± 0.5", "0.25", "n:10/20|k:&lt;=", "smaller is better", "data:image/png;base64"):
        assert part in text


def test_sections_without_content_are_left_out() -> None:
    text = page(warnings=[], pairs=[], charts={}, grids=[])
    for heading in ("Before quoting", "Closest pairs", "Charts", "Images"):
        assert heading not in text


@pytest.mark.parametrize("spec", METRICS.all(), ids=lambda spec: spec.name)
def test_every_part_of_every_metric_is_explained(spec: MetricSpec) -> None:
    for part, higher in spec.parts.items():
        for name in (part, spec.unverified.get(part, part)):
            text = html.unescape(page(scores=[score(f"{name}[x]")]))
            found = part_of(name)
            assert found is not None
            assert found.explain
            assert found.meaning in text
            assert ("larger is better" in text) == (higher is True)
            assert ("smaller is better" in text) == (higher is False)


finite = st.floats(-1e6, 1e6)


@given(st.lists(st.integers(2, 10**6), min_size=2, max_size=15, unique=True), st.data(), finite)
def test_a_line_is_drawn_of_any_values(
    counts: list[int], data: st.DataObject, limit: float
) -> None:
    values = data.draw(st.lists(finite, min_size=len(counts), max_size=len(counts)))
    drawn = ElementTree.fromstring(line_over_inverse(counts, values, limit))
    assert len(drawn.findall("circle")) == len(counts)


@given(st.dictionaries(st.text(min_size=1), st.lists(st.floats(0, 1e6), min_size=1), min_size=1))
def test_outlines_are_drawn_of_any_values(series: dict[str, list[float]]) -> None:
    arrays = {name: np.array(values) for name, values in series.items()}
    drawn = ElementTree.fromstring(_printable(histograms(arrays, "x")))
    assert len(drawn.findall("polyline")) == len(series)


@given(st.dictionaries(st.text(), finite, min_size=1, max_size=30))
def test_bars_are_drawn_of_any_values(values: dict[str, float]) -> None:
    drawn = ElementTree.fromstring(_printable(bars(values, dict.fromkeys(values, 1.0))))
    assert len(drawn.findall("rect")) == len(drawn.findall("line")) == len(values)


def _printable(svg: str) -> str:
    """Without the control characters that XML has no way to say, and HTML has."""
    return "".join(c for c in svg if c.isprintable() or c == " ")
