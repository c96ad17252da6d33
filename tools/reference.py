"""The pages of the documentation that the code writes.

``python tools/reference.py`` writes ``docs/cli.md``, all of the command line; a test compares the
two. As a hook of mkdocs it adds a page for each family.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from genctl import registry
from genctl.cli.app import OLDER_NAMES, app
from genctl.cli.context import COMMON_PANEL, SHOW_ALL
from genctl.cli.environment import ENVIRONMENT
from genctl.cli.statuses import MEANINGS
from genctl.cli.typer_ext import Command
from genctl.cli.views.help_page import Row, help_page
from genctl.cli.views.presets import preset_rows
from genctl.config import OptionInfo, options, request_options
from genctl.registry import Spec

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

_HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
CLI_PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
_INTRODUCTION = """\
# The command line

<!-- Written by tools/reference.py from the code: change the code, then run it. -->

```sh
genctl demo                                # train, sample, score and export
genctl train gan --data digits             # resumes an unfinished run
genctl sample --n 64                       # from the latest run
genctl eval fid RUN
genctl export RUN --format onnx
genctl sample RUN/export/RUN.onnx --n 64   # exports are sampled like runs
```

A RUN is a folder, or the name of a folder in the runs folder.
Without it, a command takes the latest run that has a checkpoint.
`genctl VERB --help` shows what most people need, `genctl VERB --help-all` shows everything.
`genctl train FAMILY --help` and `genctl sample RUN --help` also show the options of the family.

Results go to stdout.
Messages, progress, warnings and errors go to stderr.
An error is one line that names the problem and the nearest valid choice, and a hint:

```text
$ genctl train gan --set learning_rate=1e-4 --widht 24
error: unknown option '--widht'; did you mean '--width'?
hint: genctl train gan --help
```

With `--json` an error is `{"error": {"code", "message", "hint"}}`.
The options of every command may also stand before the verb.
Underscores in option names count as hyphens.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to those in ``docs/``."""
    from mkdocs.structure.files import File

    os.environ["GENCTL_PLUGINS"] = "none"
    for spec in registry.specs():
        text = "\n".join(_family(spec))
        files.append(File.generated(config, f"reference/families/{spec.name}.md", content=text))
    return files


def cli_page() -> str:
    """The text of ``docs/cli.md``."""
    return "\n".join(_cli_page())


def _cli_page() -> Iterator[str]:
    root: Any = get_command(app)
    yield _INTRODUCTION
    yield "## Verbs\n"
    shown = [(n, c) for n, c in _commands(root) if not c.hidden]
    yield from _rows(
        ("", "verb", ""),
        (
            (command.rich_help_panel, f"[`{name}`](#{name})", command.get_short_help_str(200))
            for name, command in shown
        ),
    )
    yield "\n## Options of every command\n"
    some = next(command for _, command in shown if isinstance(command, Command))
    yield _block(rows for title, rows in _sections(some, "demo") if title == COMMON_PANEL)
    for name, command in shown:
        yield from _verb(command, name, 2)
    yield "\n## Exit statuses\n\n`genctl info STATUS` prints the same.\n"
    for status, (meaning, remedy) in MEANINGS.items():
        yield from _item(str(int(status)), meaning, remedy)
    yield "\n## Environment variables\n"
    for variable, text in ENVIRONMENT.items():
        yield from _item(variable, text)
    yield "\n## Older names\n\nThese commands still work.\n"
    names = ((f"`{old}`", f"`{new}`") for old, new in OLDER_NAMES.items())
    yield from _rows(("older name", "present command"), names)
    yield ""


def _commands(group: Any) -> list[tuple[str, Any]]:
    context = group.make_context("genctl", [], resilient_parsing=True)
    return [(name, group.commands[name]) for name in group.list_commands(context)]


def _verb(command: Any, name: str, level: int) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    text, _, notes = (command.help or "").partition("\n\nNotes:\n")
    yield f"\n{'#' * level} {name}\n"
    yield "\n\n".join(_sentences(part) for part in text.split("\n\n"))
    if inner is not None:
        for word, found in _commands(command):
            if not found.hidden:
                yield from _verb(found, f"{name} {word}", level + 1)
        return
    if notes:
        yield ""
        yield "\n\n".join(_sentences(part) for part in notes.split("\n\n"))
    sections = [rows for title, rows in _sections(command, name) if title != COMMON_PANEL]
    rows = _block(sections, fence=False)
    yield "\n".join(
        ["", "```text", f"genctl {_usage(command, name)}", *(["", rows] if rows else []), "```"]
    )


def _usage(command: Any, name: str) -> str:
    words = [
        (p.metavar if p.required else f"[{p.metavar}]")
        for p in command.params
        if p.param_type_name == "argument"
    ]
    return " ".join([name, *words, "[OPTIONS]"])


def _sections(command: Any, name: str) -> list[tuple[str, Sequence[Row]]]:
    context = command.make_context(name, [], resilient_parsing=True, **_HELP)
    context.meta[SHOW_ALL] = True
    return [(s.title, s.rows) for s in command.sections(context, everything=True)]


def _item(name: str, *texts: str) -> Iterator[str]:
    """An item of a list: each text in lines of its own."""
    lines = [line for text in texts if text for line in _narrow(f"{text}.")]
    yield "\n  ".join([f"- `{name}`:", *lines])


def _block(sections: Iterable[Sequence[Row]], *, fence: bool = True) -> str:
    """Rows of several sections as one list, in columns."""
    from genctl.cli.views.help_page import Section

    rows = [row for section in sections for row in section]
    lines = help_page("", "", [Section("", rows)], "", 98).splitlines()
    text = "\n".join(line.removeprefix("  ") for line in lines if line.startswith("  "))
    return f"```text\n{text}\n```" if fence else text


def _sentences(text: str) -> str:
    """A paragraph with each sentence in a line of its own."""
    lines = re.split(r"(?<=[.?]) (?=[A-Z`])", " ".join(text.split()))
    return "\n".join(line for part in lines for line in _narrow(part))


def _narrow(line: str) -> Iterator[str]:
    """``line`` in parts of at most 100 columns, broken after commas."""
    while len(line) > 96:
        place = line.rfind(", ", 0, 96)
        place = place + 1 if place > 0 else line.rfind(" ", 0, 96)
        yield line[:place]
        line = line[place + 1 :]
    yield line


def _family(spec: Spec) -> Iterator[str]:
    yield f"# {spec.name}\n\n{spec.summary[0].upper()}{spec.summary[1:]}.\n"
    yield f"Reads {_words(sorted(spec.inputs))}; generates {spec.output or 'nothing'}. "
    yield f"Exports: {_words(['safetensors', *spec.exports()])}.\n"
    yield "## Presets\n\nOf others than the first, what differs from it.\n"
    for name, words in preset_rows(spec):
        yield f"**`{name}`**: `{words}`\n"
    for role, text in spec.parents.items():
        yield f"## Parent `{role}`\n\n{text[0].upper()}{text[1:]}.\n"
    found = options(spec)
    yield "## Settings of training\n\n`genctl train --set KEY=VALUE`, or as an option.\n"
    yield from _table(info for info in found if not info.key.startswith("sample."))
    if sampling := request_options(spec):
        yield "\n## Settings of sampling\n\n`genctl sample --KEY VALUE`.\n"
        yield from _table(sampling)


def _table(infos: Iterable[OptionInfo]) -> Iterator[str]:
    yield from _rows(
        ("key", "default", "type", ""),
        ((_code(i.key), _code(i.default), _code(i.type), i.help) for i in infos),
    )


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(cells)} |"


def _code(value: object) -> str:
    """Code for the cell of a table, whose borders a code span of Markdown cannot hold."""
    return f"<code>{escape(str(value))}</code>".replace("|", "&#124;")


def _words(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


if __name__ == "__main__":
    os.environ["GENCTL_PLUGINS"] = "none"
    CLI_PAGE.write_text(cli_page(), "utf-8")
    print(f"wrote {CLI_PAGE}")
