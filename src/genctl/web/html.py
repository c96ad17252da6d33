"""HTML files that need nothing besides themselves: no script, no font, no second file."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from genctl.version import VERSION


@dataclass(frozen=True)
class Picture:
    """An image for a page.

    Attributes:
        png: its content.
        caption: what it shows.
        width: in pixels on the page.
    """

    png: bytes
    caption: str
    width: int


def page(title: str, parts: Iterable[str]) -> str:
    """The file, from parts that the other functions made; empty ones are absent."""
    body = "\n".join([f"<h1>{escape(title)}</h1>", *filter(None, parts)])
    return _FRAME.format(title=escape(title), style=_STYLE, body=body, version=VERSION)


def facts(known: Mapping[str, str]) -> str:
    """Labels and texts in two columns."""
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in known.items())
    return f"<dl>{rows}</dl>"


def section(heading: str, content: str, kind: str = "") -> str:
    """``content`` under a heading, laid out as the style's ``kind``; nothing without content."""
    return f'<h2>{escape(heading)}</h2><div class="{kind}">{content}</div>' if content else ""


def listing(items: Sequence[str]) -> str:
    """Lines of text; nothing without any."""
    rows = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{rows}</ul>" if rows else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = False) -> str:
    """Cells of text, or with ``numbers`` of figures; each row is as long as the header."""
    kind = "" if numbers else " class='text'"
    lines = ["".join(f"<th{kind}>{escape(cell)}</th>" for cell in header)]
    for first, *rest in rows:
        cells = "".join(f"<td{kind}>{escape(cell)}</td>" for cell in rest)
        lines.append(f"<th>{escape(first)}</th>{cells}")
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def figure(picture: Picture) -> str:
    """The image and its caption."""
    data = base64.b64encode(picture.png).decode()
    return (
        f'<figure><img alt="{escape(picture.caption)}" width="{picture.width}" '
        f'src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def drawing(svg: str, caption: str) -> str:
    """A chart and its caption."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def writing(text: str, caption: str) -> str:
    """Text as it was written, and its caption."""
    return f"<figure><pre>{escape(text)}</pre><figcaption>{escape(caption)}</figcaption></figure>"


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
pre { margin: 0; white-space: pre-wrap; max-width: 60rem; }
footer { color: var(--pale); margin-top: 2.5rem; font-size: .85rem; }
"""
