"""How a verb was called, and the options that every verb takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import typer

from genctl.errors import ExitStatus, GenctlError
from genctl.output import Mode, Output

COMMON_FLAGS = {"--json", "--quiet", "-q", "--verbose", "-v", "--debug"}
"""Flags that every verb takes and that may also be given before the verb."""

COMMON_PANEL = "Options of every command"

SHOW_ALL = "genctl.help_all"
"""In ``ctx.meta``: whether the help shows everything."""

FAMILY_ARG = "genctl.subject"
"""In ``ctx.meta``: the family or run whose options the verb takes."""


@dataclass(frozen=True)
class Context:
    """How a verb was called; ``ctx.obj`` inside it.

    Attributes:
        started: `time.monotonic` when the process began; None when that is unknown.
        output: where results and messages go.
        options: the family's own options that were given: key -> text.
    """

    started: float | None
    output: Output
    options: Mapping[str, str] = field(default_factory=dict)


def _show_all(ctx: typer.Context, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        ctx.meta[SHOW_ALL] = True
        typer.echo(ctx.get_help())
        raise typer.Exit


HelpAll = Annotated[
    bool,
    typer.Option(
        "--help-all",
        help="Show all options.",
        callback=_show_all,
        is_eager=True,
        expose_value=False,
        rich_help_panel=COMMON_PANEL,
    ),
]


def common_options(
    json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON document.", rich_help_panel=COMMON_PANEL),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print only the result.", rich_help_panel=COMMON_PANEL),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print more messages.", rich_help_panel=COMMON_PANEL),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", help="Show the traceback of an error.", rich_help_panel=COMMON_PANEL
        ),
    ] = False,
    help_all: HelpAll = False,
) -> Output:
    """The `Output` for these options, which every verb takes.

    ``--debug`` is read in `genctl.cli.app.run`, which handles errors.

    Raises:
        GenctlError: options that contradict each other.
    """
    if quiet and (json or verbose):
        other = "--json" if json else "--verbose"
        raise GenctlError(
            ExitStatus.USAGE,
            f"--quiet and {other} exclude each other",
            hint="leave one of them out",
        )
    mode = Mode.JSON if json else Mode.QUIET if quiet else Mode.HUMAN
    return Output(mode, verbose=verbose)
