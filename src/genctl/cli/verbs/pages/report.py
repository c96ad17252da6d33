"""``genctl report``: an older name of ``genctl watch --save``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genctl.cli import options
from genctl.cli.context import Context
from genctl.cli.options import NewestRun
from genctl.cli.verbs.pages.watch import save_page


def report(
    ctx: typer.Context,
    name: NewestRun = None,
    out: Annotated[
        Path | None, options.out("the page. Default: report.html in the run", "FILE")
    ] = None,
) -> None:
    """Write a run as one HTML page: `genctl watch --save FILE`."""
    call: Context = ctx.obj
    save_page(call, name, out)
