"""An evaluation as one HTML file that needs nothing besides itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from genctl import __version__
from genctl.evaluation.score import Score

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
class Picture:
    """An image for the page.

    Attributes:
        png: its content.
        caption: what it shows.
        width: in pixels on the page.
    """

    png: bytes
    caption: str
    width: int


@dataclass(frozen=True)
class Page:
    """What the page shows.

    Attributes:
        title: what was evaluated.
        facts: label -> text.
        scores: the numbers.
        floors: by name, where real images stand.
        warnings: what must be known before quoting a number.
        grids: generated and real images.
        pairs: generated images beside their nearest training images.
        pairs_note: what the pairs' captions mean.
        charts: heading -> SVG.
    """

    title: str
    facts: Mapping[str, str]
    scores: Sequence[Score]
    floors: Mapping[str, Score]
    warnings: Sequence[str]
    grids: Sequence[Picture] = ()
    pairs: Sequence[Picture] = ()
    pairs_note: str = ""
    charts: Mapping[str, str] = field(default_factory=dict)

    def to_html(self) -> str:
        """The file."""
        body = "\n".join(
            (
                f"<h1>{escape(self.title)}</h1>",
                _facts(self.facts),
                _scores(self.scores, self.floors),
                _list("Before quoting a number", self.warnings),
                _section("Images", "".join(map(_figure, self.grids)), "grids"),
                _section(
                    "Closest pairs",
                    f"<p>{escape(self.pairs_note)}</p>"
                    f'<div class="pairs">{"".join(map(_figure, self.pairs))}</div>'
                    if self.pairs
                    else "",
                ),
                _section(
                    "Charts",
                    "".join(
                        f"<figure>{svg}<figcaption>{escape(name)}</figcaption></figure>"
                        for name, svg in self.charts.items()
                    ),
                    "grids",
                ),
                _signatures(self.scores),
                _seconds(self.scores),
            )
        )
        return _FRAME.format(title=escape(self.title), style=_STYLE, body=body, version=__version__)


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    return f"<dl>{rows}</dl>"


def _scores(scores: Sequence[Score], floors: Mapping[str, Score]) -> str:
    head = "<tr><th></th><th>value</th><th>error</th>"
    head += "<th>real images</th><th>error</th><th class='text'>what it says</th></tr>"
    rows = []
    for score in scores:
        floor = floors.get(score.name)
        real = (f"{floor.value:.4g}", f"± {floor.error:.2g}") if floor else ("", "")
        cells = (f"{score.value:.4g}", f"± {score.error:.2g}", *real)
        meaning = MEANINGS.get(score.name.partition("[")[0], "")
        rows.append(
            f"<tr><th>{escape(score.name)}</th>"
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + f"<td class='text'>{escape(meaning)}</td></tr>"
        )
    return f"<table>{head}{''.join(rows)}</table>"


def _list(heading: str, items: Sequence[str]) -> str:
    rows = "".join(f"<li>{escape(item)}</li>" for item in items)
    return _section(heading, f"<ul>{rows}</ul>" if rows else "")


def _section(heading: str, content: str, kind: str = "") -> str:
    if not content:
        return ""
    return f'<h2>{escape(heading)}</h2><div class="{kind}">{content}</div>'


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    return (
        f'<figure><img alt="{escape(picture.caption)}" width="{picture.width}" '
        f'src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _signatures(scores: Sequence[Score]) -> str:
    rows = "".join(f"<li><code>{escape(score.signature)}</code></li>" for score in scores)
    note = "<p>Two values may be compared when everything in their signatures is the same.</p>"
    return _section("Signatures", f"{note}<ul>{rows}</ul>")


def _seconds(scores: Sequence[Score]) -> str:
    shared = {k: v for k, v in scores[0].seconds.items() if k != "metric"}
    measured = {score.name: score.seconds.get("metric", 0.0) for score in scores}
    items = [f"{name} {seconds:.1f} s" for name, seconds in {**shared, **measured}.items()]
    return _section("Time", f"<p>{escape('; '.join(items))}</p>")


_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<footer>genctl {version}</footer>
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2530; --pale: #66727f; --line: #d5dbe1;
  --paper: #fff; --one: #1f6fb2; --two: #d1732b; --card: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --pale: #9aa6b2; --line: #38424d;
  --paper: #14191f; --one: #6cb4f0; --two: #f0a060; --card: #1c232b; } }
body { font: 15px/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; color: var(--ink);
  background: var(--paper); max-width: 1040px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dt { color: var(--pale); } dd { margin: 0; }
table { border-collapse: collapse; margin: 1.2rem 0; width: 100%; }
th, td { text-align: right; padding: .28rem .6rem; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, .text { text-align: left; } .text { white-space: normal; }
tr:first-child th, .text { color: var(--pale); font-weight: normal; }
.grids, .pairs { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; background: var(--card); padding: .6rem; border-radius: 6px; }
figcaption { color: var(--pale); font-size: .85rem; margin-top: .3rem; }
img { image-rendering: pixelated; display: block; max-width: 100%; }
code { font-size: .8rem; overflow-wrap: anywhere; } ul { padding-left: 1.2rem; }
svg { font: 11px system-ui, sans-serif; fill: var(--ink); max-width: 100%; height: auto; }
svg line, svg polyline { fill: none; stroke-width: 1.6; }
.axis { stroke: var(--line); } .fit { stroke: var(--two); } .real { stroke: var(--two); }
circle, .bar, .s0 { fill: var(--one); } .s1 { fill: var(--two); }
.l0 { stroke: var(--one); } .l1 { stroke: var(--two); }
footer { color: var(--pale); margin-top: 2.5rem; font-size: .85rem; }
"""
