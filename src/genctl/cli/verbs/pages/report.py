"""``genctl report``: a run as one page to keep or send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genctl import runs
from genctl.cli.command import Context
from genctl.cli.options import NewestRun


def report(
    ctx: typer.Context,
    name: NewestRun = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The .html to write; left out: report.html in the run."),
    ] = None,
) -> None:
    """Write a run into one HTML page: curves, samples, scores."""
    from genctl.api.pages.run_page import write_run_page

    call: Context = ctx.obj
    place = write_run_page(runs.find_or_newest(name), out)
    call.output.result({"path": str(place)}, f"{place}: open it in a browser", bare=str(place))
