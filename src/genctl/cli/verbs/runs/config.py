"""``genctl config``: older names of ``genctl info FAMILY`` and ``genctl compare RUN RUN``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genctl import registry, runs
from genctl.cli import completion, options
from genctl.cli.context import Context
from genctl.cli.options import OneRun, Preset, Sets
from genctl.cli.typer_ext import Command, CommandGroup, help_when_bare
from genctl.cli.views.runs import differing
from genctl.cli.views.settings import show_settings
from genctl.cli.views.tables import table

config = typer.Typer(name="config", cls=CommandGroup, invoke_without_command=True)


@config.callback()
def root(ctx: typer.Context) -> None:
    """Show or compare settings: genctl info, genctl compare."""
    help_when_bare(ctx)


@config.command("show", cls=Command)
def show(
    ctx: typer.Context,
    family: Annotated[
        str,
        typer.Argument(
            metavar="FAMILY",
            help="A family: see genctl models.",
            autocompletion=completion.families,
        ),
    ],
    preset: Preset = None,
    file: Annotated[Path | None, options.settings_file()] = None,
    sets: Sets = None,
) -> None:
    """Show every setting that genctl train would use, with its origin."""
    show_settings(ctx.obj, registry.get(family), preset=preset, file=file, sets=sets or ())


@config.command("diff", cls=Command)
def diff(ctx: typer.Context, first: OneRun, second: OneRun) -> None:
    """Show the settings in which two runs differ."""
    call: Context = ctx.obj
    found = [runs.find(name) for name in (first, second)]
    rows = differing([run.read("config.json") for run in found])
    shown = table([(key, *values) for key, values in rows.items()], ("KEY", first, second))
    call.output.result(
        {"differing": {key: list(values) for key, values in rows.items()}},
        shown if rows else "the same settings",
        bare="\n".join(rows),
    )
