"""``genctl explain``: an older name of ``genctl info STATUS``."""

from __future__ import annotations

from typing import Annotated

import typer

from genctl.cli.statuses import show_statuses


def explain(
    ctx: typer.Context,
    code: Annotated[
        str | None,
        typer.Argument(metavar="STATUS", help="An exit status, as 3. Default: all."),
    ] = None,
) -> None:
    """Explain an exit status: `genctl info STATUS`."""
    show_statuses(ctx.obj, code)
