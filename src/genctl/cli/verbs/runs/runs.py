"""``genctl runs``: lists, shows and removes runs."""

from __future__ import annotations

from typing import Annotated

import typer

from genctl import runs as directories
from genctl.cli import completion
from genctl.cli.context import Context
from genctl.cli.options import NewestRun
from genctl.cli.typer_ext import Command, CommandGroup, help_when_bare
from genctl.cli.views.runs import HEADER, compare_runs, facts_of, row_of, show_run, size_text
from genctl.cli.views.tables import table
from genctl.errors import ExitStatus, GenctlError

runs = typer.Typer(name="runs", cls=CommandGroup, invoke_without_command=True)

Names = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", help="Runs to delete.", autocompletion=completion.run_names),
]


@runs.callback()
def root(ctx: typer.Context) -> None:
    """List, show and remove runs."""
    help_when_bare(ctx)


@runs.command("ls", cls=Command)
def ls(ctx: typer.Context) -> None:
    """List the runs, newest first.

    Notes:
        JSON: root, runs, each with run, path, family, state, holder, step, examples, best, written
        and bytes.
    """
    call: Context = ctx.obj
    found = [{**facts_of(run), "bytes": directories.size_of(run)} for run in directories.all_runs()]
    human = table([row_of(facts) for facts in found], HEADER)
    call.output.result(
        {"root": str(directories.runs_root()), "runs": found},
        human
        if found
        else f"no runs under {directories.runs_root()}; start one with genctl train gan",
        bare="\n".join(facts["path"] for facts in found),
    )


@runs.command("show", cls=Command)
def show(ctx: typer.Context, name: NewestRun = None) -> None:
    """Show a run: progress, data and every setting with its origin.

    `genctl info RUN` does the same.
    """
    show_run(ctx.obj, directories.find_or_newest(name))


@runs.command("compare", cls=Command, hidden=True)
def compare(ctx: typer.Context, names: Names) -> None:
    """Show runs side by side: `genctl compare RUN RUN`."""
    compare_runs(ctx.obj, names)


@runs.command("rm", cls=Command)
def rm(
    ctx: typer.Context,
    names: Names,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete runs after asking for confirmation.

    Notes:
        JSON: removed, bytes.
    """
    call: Context = ctx.obj
    named = [directories.find(name) for name in names]
    found = list({run.path.resolve(): run for run in named}.values())
    sizes = [directories.size_of(run) for run in found]
    for run in found:
        if holder := run.holder():
            raise GenctlError(
                ExitStatus.FAILURE, f"{run.path} is being trained by {holder}", hint="stop it first"
            )
    if not yes:
        what = ", ".join(str(run.path) for run in found)
        remedy = f"genctl runs rm {' '.join(names)} --yes"
        call.output.confirm(
            f"delete {what} ({size_text(sum(sizes))})",
            otherwise="nothing was deleted",
            remedy=remedy,
        )
    for run in found:
        directories.remove(run)
    call.output.result(
        {"removed": [str(run.path) for run in found], "bytes": sum(sizes)},
        f"removed {', '.join(run.name for run in found)} ({size_text(sum(sizes))})",
    )
