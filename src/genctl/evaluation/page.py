"""An evaluation as one HTML file that needs nothing besides itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genctl.evaluation.score import Score
from genctl.registry import part_of
from genctl.web.render import PageImage, render


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
    grids: Sequence[PageImage] = ()
    pairs: Sequence[PageImage] = ()
    pairs_note: str = ""
    charts: Mapping[str, str] = field(default_factory=dict)

    def to_html(self) -> str:
        """The file."""
        return render("eval.html", title=self.title, page=self)

    def meaning(self, score: Score) -> str:
        """What a score tells, in a few words; empty where nothing is known of its metric."""
        part = part_of(score.name)
        return part.meaning if part else ""

    def seconds(self) -> str:
        """How long each stage and each metric took."""
        shared = {k: v for k, v in self.scores[0].seconds.items() if k != "metric"}
        measured = {score.name: score.seconds.get("metric", 0.0) for score in self.scores}
        return "; ".join(f"{name} {took:.1f} s" for name, took in {**shared, **measured}.items())
