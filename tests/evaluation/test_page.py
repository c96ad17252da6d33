"""The page of an evaluation: valid, whole, and harmless whatever names say."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from typing import Any

import pytest

from genctl.evaluation.page import Page
from genctl.evaluation.score import Score
from genctl.plots.charts import bars
from genctl.registry import METRICS, MetricSpec, part_of
from genctl.web.render import PageImage

NASTY = "<script>alert(1)</script>猫&\"'{{ 77 * 91 }}{% raw %}"


def score(name: str, value: float = 1.0) -> Score:
    return Score(name, value, 0.5, "an error", 10, 20, f"{name}|n:10/20|k:<=", (NASTY,))


class Tags(HTMLParser):
    """The tags of a document, which must be closed in order."""

    VOID = frozenset({"meta", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def page(**changes: Any) -> str:
    fields: dict[str, object] = {
        "title": NASTY,
        "facts": {"generated": NASTY},
        "scores": [score("fd[digits]"), score(f"kd[{NASTY}]")],
        "baselines": {"fd[digits]": score("fd[digits]", 0.25)},
        "warnings": [NASTY],
        "grids": [PageImage(b"png", NASTY, 10)],
        "pairs": [PageImage(b"png", "0.5", 10)],
        "pairs_note": NASTY,
        "charts": {NASTY: bars({NASTY: 1.0}, {})},
    }
    return Page(**{**fields, **changes}).to_html()


def test_names_of_any_kind_are_text_and_nothing_else() -> None:
    text = page()
    parsed = Tags(text)
    assert parsed.open == []
    assert "".join(parsed.texts).count(NASTY) == 10
    assert "7007" not in text  # a template in a name is no template
    tags = {tag for tag, _ in parsed.seen}
    assert tags.isdisjoint({"script", "link", "iframe"})
    for _, attributes in parsed.seen:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("data:", "#"))


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


def test_it_says_what_is_not_there_and_why() -> None:
    text = page(absent={"kd[digits]": "too few"}, left_out={"is": NASTY})
    assert "<li>kd[digits]: too few</li>" in text
    assert f"is: {NASTY}" in html.unescape(text)
    assert "Left out" not in page()
    assert "Without a baseline" not in page()
