"""Generate reference pages from the code: a hook of mkdocs.

There is one page per verb, one per family, one for the kinds of data and output, one for
the metrics, one for the exit statuses, and one for the environment.

Plug-ins are left out, unless ``GENCTL_PLUGINS`` names those to document.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from genctl import registry
from genctl.cli.app import OLDER_NAMES, app
from genctl.cli.context import SHOW_ALL
from genctl.cli.statuses import MEANINGS
from genctl.cli.views.presets import preset_rows
from genctl.config import OptionInfo, options, request_options
from genctl.config.variables import VARIABLES
from genctl.registry import MetricSpec, Spec

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

_WIDTH = 100
_HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to those in ``docs/``, and to the navigation."""
    from mkdocs.structure.files import File

    os.environ.setdefault("GENCTL_PLUGINS", "none")
    sections: dict[str, list[str]] = {"verbs": [], "families": [], "": []}
    for path, text in pages():
        files.append(File.generated(config, f"reference/{path}", content=text))
        sections[path.rpartition("/")[0]].append(f"reference/{path}")
    named = [{title.capitalize(): pages} for title, pages in sections.items() if title]
    config.nav = [*(config.nav or ()), {"Reference": [*named, *sections[""]]}]
    return files


def pages() -> Iterator[tuple[str, str]]:
    """Path and text of each page, in Markdown."""
    root: Any = get_command(app)
    for name in root.list_commands(None):
        command = root.commands[name]
        if command.hidden:
            continue
        yield f"verbs/{name}.md", "\n".join(_verb(command, f"genctl {name}"))
    for spec in registry.specs():
        yield f"families/{spec.name}.md", "\n".join(_family(spec))
    yield "kinds.md", "\n".join(_kinds())
    yield "metrics.md", "\n".join(_metrics())
    yield "exit-status.md", "\n".join(_statuses())
    yield "environment.md", "\n".join(_environment())


def _verb(command: Any, name: str, level: int = 1) -> Iterator[str]:
    context = command.make_context(name, [], resilient_parsing=True, terminal_width=_WIDTH, **_HELP)
    context.meta[SHOW_ALL] = True
    yield f"{'#' * level} {name}\n\n```text\n{command.get_help(context)}\n```\n"
    for inner, found in getattr(command, "commands", {}).items():
        if not found.hidden:
            yield from _verb(found, f"{name} {inner}", level + 1)


def _family(spec: Spec) -> Iterator[str]:
    yield f"# {spec.name}\n\n{spec.summary[0].upper()}{spec.summary[1:]}.\n"
    yield f"Reads {_words(list(spec.reads))}.\nGenerates {spec.makes or 'no samples'}."
    yield f"Exports: {_words(['safetensors', *spec.exports()])}.\n"
    yield "## Presets\n\nThe first is shown whole; the others show what differs from it.\n"
    for name, words in preset_rows(spec):
        yield f"**`{name}`**: `{words}`\n"
    for role, text in spec.parents.items():
        yield f"## Parent `{role}`\n\n{text[0].upper()}{text[1:]}.\n"
    found = options(spec)
    yield "## Training settings\n\n`genctl train --set KEY=VALUE`, or as an option.\n"
    yield from _table(info for info in found if not info.key.startswith("sample."))
    if sampling := request_options(spec):
        yield "\n## Sampling settings\n\n`genctl sample --KEY VALUE`.\n"
        yield from _table(sampling)


def _table(infos: Iterable[OptionInfo]) -> Iterator[str]:
    yield from _rows(
        ("key", "default", "type", ""),
        ((_code(i.key), _code(i.default), _code(i.type), i.help) for i in infos),
    )


def _kinds() -> Iterator[str]:
    yield "# Data and outputs\n\n## Kinds of data\n"
    yield from _rows(
        ("kind", "", "named sets", "output by feature"),
        (
            (kind.name, kind.summary, _words(list(kind.named())), _pairs(kind.outputs))
            for kind in registry.DATA_KINDS.all()
        ),
    )
    yield "\n## Kinds of output\n"
    yield from _rows(
        ("kind", "", "saved as"),
        (
            (kind.name, kind.summary, _words([suffix or "a folder" for suffix in kind.suffixes]))
            for kind in registry.OUTPUT_KINDS.all()
        ),
    )


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in values.items())


def _metrics() -> Iterator[str]:
    yield "# Metrics\n\n`genctl eval METRIC`, or `genctl eval all`.\n"
    for kind in registry.OUTPUT_KINDS.all():
        if specs := registry.metrics_of(kind.name):
            yield f"\n## Metrics of {kind.name}\n"
            yield from _rows(
                ("metric", "", "scores", "meaning"),
                (
                    (_code(name), spec.summary, _code(part), _meaning(spec, part))
                    for name, spec, part in _parts(specs)
                ),
            )


def _meaning(spec: MetricSpec, name: str) -> str:
    part = spec.part(name)
    return part.meaning if part else ""


def _parts(specs: Iterable[MetricSpec]) -> Iterator[tuple[str, MetricSpec, str]]:
    """Each score of each metric, and how that is typed."""
    for spec in specs:
        for part in spec.parts:
            usual = f"{spec.name}:{spec.parameter.upper()}" if spec.parameter else spec.name
            yield (part if spec.choices else usual), spec, part


def _statuses() -> Iterator[str]:
    yield "# Exit statuses\n\n`genctl info STATUS` prints the same.\n"
    yield from _rows(
        ("status", "meaning", "remedy"),
        ((str(int(s)), meaning, remedy) for s, (meaning, remedy) in MEANINGS.items()),
    )


def _environment() -> Iterator[str]:
    yield "# Environment variables\n"
    yield from _rows(("variable", ""), ((f"`{n}`", text) for n, text in VARIABLES.items()))
    yield "\n# Older names\n\nThese commands still work.\n"
    names = ((f"`genctl {old}`", f"`genctl {new}`") for old, new in OLDER_NAMES.items())
    yield from _rows(("older name", "present command"), names)


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(cells)} |"


def _code(value: object) -> str:
    """Code for a table cell: HTML, because a code span of Markdown cannot contain ``|``."""
    return f"<code>{escape(str(value))}</code>".replace("|", "&#124;")


def _words(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
