"""``genctl config``: what a training would use, and in what two runs differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genctl import registry, runs
from genctl.cli import completion
from genctl.cli.command import Command, CommandGroup, Context, help_when_bare
from genctl.cli.verbs.runs.runs import differing
from genctl.cli.views.tables import table

config = typer.Typer(name="config", cls=CommandGroup, invoke_without_command=True)


@config.callback()
def root(ctx: typer.Context) -> None:
    """Show or compare settings, without training."""
    help_when_bare(ctx)


@config.command("show", cls=Command)
def show(
    ctx: typer.Context,
    family: Annotated[
        str,
        typer.Argument(
            metavar="FAMILY",
            help="Whose settings: see genctl models.",
            autocompletion=completion.families,
        ),
    ],
    preset: Annotated[
        str | None,
        typer.Option(help="Named settings to start from.", autocompletion=completion.presets),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--config", help="A TOML or JSON file of settings.", metavar="FILE"),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="Set any key of the configuration.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Show every setting that genctl train would use, and where it comes from."""
    from genctl.config import resolve

    call: Context = ctx.obj
    spec = registry.get(family)
    found = resolve(spec, preset=preset, file=file, sets=sets or ())
    document = {"config": found.to_json(), "origins": dict(found.origins)}
    rows = runs.settings(document)
    call.output.result(
        document,
        table(rows, ("KEY", "VALUE", "FROM")),
        bare="\n".join(f"{key}={value}" for key, value, _ in rows),
    )


@config.command("diff", cls=Command)
def diff(
    ctx: typer.Context,
    first: Annotated[
        str, typer.Argument(metavar="RUN", help="A run.", autocompletion=completion.run_names)
    ],
    second: Annotated[
        str, typer.Argument(metavar="RUN", help="Another.", autocompletion=completion.run_names)
    ],
) -> None:
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
