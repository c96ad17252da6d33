"""``genctl watch``: shows a run while it trains, in a browser or in the terminal."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from genctl import runs
from genctl.cli.context import Context
from genctl.cli.options import NewestRun
from genctl.cli.views.tables import table
from genctl.errors import ExitStatus, GenctlError
from genctl.output import Mode
from genctl.runs import Run

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 40
_SECONDS = 2.0


def watch(
    ctx: typer.Context,
    name: NewestRun = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Write one HTML page to FILE and exit."),
    ] = None,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Show the curves in the terminal.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", metavar="N", help="Port of the page; 0 picks a free one.")
    ] = 0,
) -> None:
    """Show curves and samples of a run while it trains.

    The page is served on this machine (127.0.0.1) until Ctrl-C. `--save` writes curves, samples,
    scores and settings to one file.

    Notes:
        JSON: the state of the run, once; with `--save` path.
    """
    from genctl.api.pages import watch as watching

    call: Context = ctx.obj
    if save is not None:
        for flag, typed in (("--terminal", terminal), ("--port", port)):
            if typed:
                raise GenctlError(
                    ExitStatus.USAGE,
                    f"--save and {flag} exclude each other",
                    hint="leave one of them out",
                )
        save_page(call, name, save)
        return
    run = runs.find_or_newest(name)
    if call.output.mode is not Mode.HUMAN:
        state = watching.state_of(run)
        call.output.result(state, "", bare=state["state"])
    elif terminal:
        _in_terminal(call, run)
    else:
        with watching.serve(run, port) as server, contextlib.suppress(KeyboardInterrupt):
            call.output.result(
                {"url": server.url}, f"{run.path}: {server.url} (Ctrl-C ends it)", bare=server.url
            )
            server.run()


def save_page(call: Context, name: str | None, out: Path | None) -> None:
    """Write the page of a run and print its path.

    Args:
        name: the name of the run; None for the newest run.
        out: an ``.html`` file; None for ``report.html`` in the run.
    """
    from genctl.api.pages.run_page import write_run_page

    place = write_run_page(runs.find_or_newest(name), out)
    call.output.result({"path": str(place)}, f"{place}: open it in a browser", bare=str(place))


def _in_terminal(call: Context, run: Run) -> None:
    """Show a table that is updated while the run trains; without a terminal, print it once."""
    from genctl.api.pages.watch import state_of

    if not call.output.live:
        call.output.result({}, describe(state_of(run)))
        return
    from rich.live import Live
    from rich.text import Text

    with (
        contextlib.suppress(KeyboardInterrupt),
        Live(console=call.output.console, auto_refresh=False) as live,
    ):
        while True:
            state = state_of(run)
            live.update(Text(describe(state)), refresh=True)
            if state["state"] != "running":
                return
            time.sleep(_SECONDS)


def describe(state: dict[str, Any]) -> str:
    """A state as text: the progress of the run, and a small curve for each metric."""
    best = state["best"]
    head = f"{state['run']}: {state['state']}, step {state['step']}, {state['examples']:,} examples"
    if best:
        head += f"; best {best['metric']} {best['value']:.4g}"
    rows = [
        (name, curve([value for _, value in points]), f"{points[-1][1]:.4g}")
        for name, points in state["series"].items()
    ]
    return "\n".join([head, table(rows)])


def curve(values: list[float]) -> str:
    """``values`` as up to `_WIDTH` bars of eight heights."""
    step = max(1, len(values) // _WIDTH)
    kept = values[(len(values) - 1) % step :: step][-_WIDTH:]
    low, high = min(kept), max(kept)
    span = (high - low) or 1.0
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in kept)
