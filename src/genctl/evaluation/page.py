"""An evaluation as one HTML file that needs nothing besides itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genctl.evaluation.score import Score
from genctl.web.render import PageImage, render

MEANINGS: Mapping[str, str] = {
    "fid": "distance between the two sets; smaller is better",
    "fd": "distance between the two sets; smaller is better",
    "is": "how sure a classifier is of each image, and how varied its verdicts; larger is better",
    "kid": "kernel distance, without bias; smaller is better, 0 where the sets agree",
    "kd": "kernel distance, without bias; smaller is better, 0 where the sets agree",
    "precision": "share of generated images that lie among real ones; larger is better",
    "recall": "share of real images that lie among generated ones; larger is better",
    "density": "how deep generated images lie among real ones; about 1 is as deep as real ones",
    "coverage": "share of real images with a generated one close by; larger is better",
    "fid-infinity": "the distance that infinitely many samples would have; smaller is better",
    "fd-infinity": "the distance that infinitely many samples would have; smaller is better",
    "fid-per-class": "mean of the classes' own distances; smaller is better",
    "fd-per-class": "mean of the classes' own distances; smaller is better",
    "recall-per-class": "mean of the classes' own recall; larger is better",
    "memorisation": "distance to the nearest training image beside that of unseen images; 1 is "
    "best, 0 a copy",
}


@dataclass(frozen=True)
class Page:
    """What the page shows.

    Attributes:
        title: what was evaluated.
        facts: label -> text.
        scores: the numbers.
        baselines: by name, where real images stand.
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
    grids: Sequence[PageImage] = ()
    pairs: Sequence[PageImage] = ()
    pairs_note: str = ""
    charts: Mapping[str, str] = field(default_factory=dict)

    def to_html(self) -> str:
        """The file."""
        return render("eval.html", title=self.title, page=self)

    def meaning(self, score: Score) -> str:
        """What a score tells, in a few words; empty where nothing is known of its metric."""
        return MEANINGS.get(score.name.partition("[")[0], "")

    def seconds(self) -> str:
        """How long each stage and each metric took."""
        shared = {k: v for k, v in self.scores[0].seconds.items() if k != "metric"}
        measured = {score.name: score.seconds.get("metric", 0.0) for score in self.scores}
        return "; ".join(f"{name} {took:.1f} s" for name, took in {**shared, **measured}.items())
