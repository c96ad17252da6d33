"""The layout of ``--help``: sections of two columns, as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NAMES_AT_MOST = 24
"""Columns of the names; a longer name is put on its own line."""

UNBROKEN = "\N{NO-BREAK SPACE}"
"""A space at which lines are not broken; it is shown as an ordinary space."""

Row = tuple[str, str]


@dataclass(frozen=True)
class Section:
    """A titled list.

    Attributes:
        title: without a colon.
        rows: names and their meanings.
        cut: whether each row is cut to one line.
    """

    title: str
    rows: Sequence[Row]
    cut: bool = False


def help_page(usage: str, text: str, sections: Iterable[Section], footer: str, width: int) -> str:
    """A whole screen of help.

    Args:
        text: paragraphs, separated by empty lines.
        footer: the last lines, printed unchanged; none if empty.
        width: the width in columns.
    """
    shown = [section for section in sections if section.rows]
    names = max((len(n) for s in shown for n, _ in s.rows if len(n) <= NAMES_AT_MOST), default=0)
    parts = [f"Usage: {usage}", _paragraphs(text, width)]
    parts += [_section(section, names, width) for section in shown]
    return "\n\n".join(part for part in [*parts, footer] if part)


def _paragraphs(text: str, width: int) -> str:
    """``text`` wrapped; lines that begin with a space keep their breaks."""
    parts = []
    for paragraph in text.split("\n\n"):
        kept = paragraph.startswith(" ")
        parts.append(paragraph.rstrip() if kept else _wrapped(" ".join(paragraph.split()), width))
    return "\n\n".join(parts).strip("\n")


def _section(section: Section, names: int, width: int) -> str:
    lines = [f"{section.title}:"]
    room = max(width - names - 4, 20)
    indent = " " * (names + 4)
    for name, text in section.rows:
        if section.cut:
            lines.append(_cut(f"  {name:<{names}}  {text}", width).rstrip())
            continue
        wrapped = _wrapped(text, room).split("\n")
        head = f"  {name:<{names}}  "
        if len(name) > names and wrapped[0]:
            lines.append(f"  {name}")
            head = indent
        lines.append(f"{head}{wrapped[0]}".rstrip())
        lines += [f"{indent}{line}" for line in wrapped[1:]]
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> str:
    lines = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines).replace(UNBROKEN, " ")


def _cut(line: str, width: int) -> str:
    """The words of ``line`` that fit, with dots in place of the rest."""
    if len(line) <= width:
        return line
    return f"{line[: width - 3].rpartition(' ')[0]} ..."
