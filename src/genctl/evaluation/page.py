"""An evaluation as one HTML file that needs nothing besides itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from genctl.evaluation.score import Score
from genctl.registry import part_of
from genctl.web import html
from genctl.web.html import Picture


@dataclass(frozen=True)
class Page:
    """What the page shows.

    Attributes:
        title: what was evaluated.
        facts: label -> text.
        scores: the numbers.
        baselines: by name, where real images stand.
        absent: by name, why there is no baseline.
        left_out: name of a metric -> why it was left out.
        warnings: what must be known before quoting a number.
        grids: generated and real images.
        pairs: generated images beside their nearest training images.
        pairs_note: what the pairs' captions mean.
        charts: heading -> SVG.
    """

    title: str
    facts: Mapping[str, str]
    scores: Sequence[Score]
    baselines: Mapping[str, Score]
    warnings: Sequence[str]
    absent: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    grids: Sequence[Picture] = ()
    pairs: Sequence[Picture] = ()
    pairs_note: str = ""
    charts: Mapping[str, str] = field(default_factory=dict)

    def to_html(self) -> str:
        """The file."""
        charts = "".join(html.drawing(svg, name) for name, svg in self.charts.items())
        pairs = "".join(map(html.figure, self.pairs))
        return html.page(
            self.title,
            (
                html.facts(self.facts),
                _scores(self.scores, self.baselines),
                html.section("Without a baseline", _reasons(self.absent)),
                html.section("Left out", _reasons(self.left_out)),
                html.section("Before quoting a number", html.listing(self.warnings)),
                html.section("Images", "".join(map(html.figure, self.grids)), "grids"),
                html.section(
                    "Closest pairs",
                    pairs and f'<p>{escape(self.pairs_note)}</p><div class="pairs">{pairs}</div>',
                ),
                html.section("Charts", charts, "grids"),
                _signatures(self.scores),
                _seconds(self.scores),
            ),
        )


def _scores(scores: Sequence[Score], baselines: Mapping[str, Score]) -> str:
    head = "<tr><th></th><th>value</th><th>error</th>"
    head += "<th>real images</th><th>error</th><th class='text'>what it says</th></tr>"
    rows = []
    for score in scores:
        baseline = baselines.get(score.name)
        real = (f"{baseline.value:.4g}", f"± {baseline.error:.2g}") if baseline else ("", "")
        cells = (f"{score.value:.4g}", f"± {score.error:.2g}", *real)
        rows.append(
            f"<tr><th>{escape(score.name)}</th>"
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + f"<td class='text'>{escape(_meaning(score))}</td></tr>"
        )
    return f"<table>{head}{''.join(rows)}</table>"


def _reasons(reasons: Mapping[str, str]) -> str:
    return html.listing([f"{name}: {reason}" for name, reason in reasons.items()])


def _meaning(score: Score) -> str:
    """How to read a score; empty where its metric does not explain itself."""
    part = part_of(score.name)
    return part.meaning if part else ""


def _signatures(scores: Sequence[Score]) -> str:
    rows = "".join(f"<li><code>{escape(score.signature)}</code></li>" for score in scores)
    note = "<p>Two values may be compared when everything in their signatures is the same.</p>"
    return html.section("Signatures", f"{note}<ul>{rows}</ul>")


def _seconds(scores: Sequence[Score]) -> str:
    shared = {k: v for k, v in scores[0].seconds.items() if k != "metric"}
    measured = {score.name: score.seconds.get("metric", 0.0) for score in scores}
    items = [f"{name} {seconds:.1f} s" for name, seconds in {**shared, **measured}.items()]
    return html.section("Time", f"<p>{escape('; '.join(items))}</p>")
