"""A family's own options as options of a verb: names, types and texts."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from genctl.cli.completion import one_of
from genctl.cli.views.help_page import UNBROKEN, Row, Section

if TYPE_CHECKING:
    from genctl.config import OptionInfo

_SHORT_CHOICES = 16
"""Columns; longer lists of choices are moved to the text."""


@dataclass(frozen=True)
class FamilyOptions:
    """The options that a verb's arguments add.

    Attributes:
        subject: the family or run that has these options.
        panels: title in ``--help-all`` -> the options under it.
        title: the title of the panel that ``--help`` shows.
        common: the keys in that panel, in order.
        useless: the verb's own parameters that do not apply to the family.
        sections: more lists; ``--help`` shows one line per row.
    """

    subject: str = ""
    panels: Mapping[str, Sequence[OptionInfo]] = field(default_factory=dict)
    title: str = ""
    common: Sequence[str] = ()
    useless: frozenset[str] = frozenset()
    sections: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    @property
    def infos(self) -> list[OptionInfo]:
        """All options, in the order of the panels."""
        return [info for panel in self.panels.values() for info in panel]

    def names(self, taken: set[str]) -> dict[str, str]:
        """Key -> long option: the leaf, or the dotted key where the leaf is ambiguous.

        Args:
            taken: the verb's own options, with their dashes.
        """
        leaves = [info.leaf for info in self.infos]
        names = {}
        for info in self.infos:
            short = f"--{info.leaf}".replace("_", "-")
            free = short not in taken and leaves.count(info.leaf) == 1
            names[info.key] = short if free else f"--{info.key}".replace("_", "-")
        return names


def declaration(options: FamilyOptions, names: Mapping[str, str]) -> Callable[..., None]:
    """A function whose signature declares ``options`` to Typer, in order."""

    def declared(**values: object) -> None: ...

    cast("Any", declared).__signature__ = inspect.Signature(
        [_parameter(info, names[info.key]) for info in options.infos]
    )
    return declared


def family_sections(
    options: FamilyOptions, names: Mapping[str, str], *, everything: bool
) -> list[Section]:
    """The help of ``options``.

    Args:
        names: key -> long option.
        everything: whether to show all options, with their bounds.
    """
    if everything:
        found = [
            Section(title, [_row(info, names[info.key], full=True) for info in panel])
            for title, panel in options.panels.items()
        ]
    else:
        infos = {info.key: info for info in options.infos}
        shown = [infos[key] for key in options.common if key in infos]
        found = [Section(options.title, [_row(i, names[i.key], full=False) for i in shown])]
    more = [Section(t, rows, cut=not everything) for t, rows in options.sections.items()]
    return [*found, *more]


def choices_of(info: OptionInfo) -> list[str]:
    """The words that an option accepts besides numbers."""
    parts = info.type.split("|") if "|" in info.type else []
    return [part for part in parts if not part.startswith(("int", "float"))]


def default_text(default: object) -> str:
    """A default as text; empty if there is none."""
    if default is None or default == "":
        return ""
    if isinstance(default, bool):
        return "on" if default else ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def _row(info: OptionInfo, name: str, *, full: bool) -> Row:
    """Name and text; the short text is the first clause of the long one."""
    choices, extra = choices_of(info), []
    if isinstance(info.default, bool):
        head = f"{name}, --no-{name.removeprefix('--')}" if full else name
    else:
        metavar = _metavar(info)
        head = f"{name} {metavar}"
        if full and metavar == "NAME" and choices:
            extra.append(", ".join(choices))
    text = info.help if full else info.help.partition(";")[0]
    bounds = re.findall(r"[<>]=? \S+", info.type)
    if full and bounds:
        extra.append(", ".join(bound.replace(" ", "") for bound in bounds))
    if shown := default_text(info.default):
        extra.append(f"default:{UNBROKEN}{shown}")
    return head, f"{text} [{'; '.join(extra)}]" if extra else text


def _metavar(info: OptionInfo) -> str:
    """The placeholder of the value: N, X, TEXT, a few choices, or NAME for many."""
    kinds = {"int": "N", "float": "X", "str": "TEXT"}
    words = [part.split()[0] for part in info.type.split("|") if part]
    shown = "|".join(kinds.get(word, word) for word in words) or "TEXT"
    return shown if len(shown) <= _SHORT_CHOICES else "NAME"


def _parameter(info: OptionInfo, name: str) -> inspect.Parameter:
    flag, choices = isinstance(info.default, bool), choices_of(info)
    option = typer.Option(
        f"{name}/--no-{name.removeprefix('--')}" if flag else name,
        help=info.help,
        metavar=None if flag else info.type,
        autocompletion=one_of(*choices) if choices else None,
    )
    return inspect.Parameter(
        f"family_{info.key.replace('.', '_')}",
        inspect.Parameter.KEYWORD_ONLY,
        default=info.default if flag else default_text(info.default) or None,
        annotation=Annotated[bool if flag else str, option],
    )
