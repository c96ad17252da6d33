"""An evaluation as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genctl.evaluation.score import Score
from genctl.registry import part_of
from genctl.web.render import PageImage, render


@dataclass(frozen=True)
class Page:
    """The content of the page.

    Attributes:
        title: what was evaluated.
        facts: label -> text.
        scores: the numbers.
        baselines: name of a metric -> the score of real images.
        absent: name of a metric -> why there is no baseline.
        left_out: name of a metric -> why it was skipped.
        warnings: what to know before quoting a number.
        grids: generated and real images.
        pairs: generated images with their nearest training images.
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
    grids: Sequence[PageImage] = ()
    pairs: Sequence[PageImage] = ()
    pairs_note: str = ""
    charts: Mapping[str, str] = field(default_factory=dict)

    def to_html(self) -> str:
        """The HTML file."""
        return render("eval.html", title=self.title, page=self)

    def meaning(self, score: Score) -> str:
        """What a score means, in a few words; empty if its metric is unknown."""
        part = part_of(score.name)
        return part.meaning if part else ""

    def seconds(self) -> str:
        """The time of each stage and each metric."""
        shared = {k: v for k, v in self.scores[0].seconds.items() if k != "metric"}
        measured = {score.name: score.seconds.get("metric", 0.0) for score in self.scores}
        return "; ".join(f"{name} {took:.1f} s" for name, took in {**shared, **measured}.items())
