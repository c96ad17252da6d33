"""The ``genctl`` command: its verbs, and what becomes of an error."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import genctl
from genctl.cli.command import COMMON_FLAGS, Command, CommandGroup, help_when_bare
from genctl.cli.errors import report as report_failure
from genctl.cli.verbs.data.data import data
from genctl.cli.verbs.data.stats import stats
from genctl.cli.verbs.models.demo import demo
from genctl.cli.verbs.models.eval import EvalCommand, evaluate
from genctl.cli.verbs.models.export import export
from genctl.cli.verbs.models.models import ModelsCommand, models
from genctl.cli.verbs.models.sample import SampleCommand, sample
from genctl.cli.verbs.models.train import TrainCommand, train
from genctl.cli.verbs.pages.report import report
from genctl.cli.verbs.pages.watch import watch
from genctl.cli.verbs.runs.compare import compare
from genctl.cli.verbs.runs.config import config
from genctl.cli.verbs.runs.doctor import doctor
from genctl.cli.verbs.runs.explain import explain
from genctl.cli.verbs.runs.info import info
from genctl.cli.verbs.runs.runs import runs
from genctl.errors import ExitStatus, GenctlError
from genctl.output import Mode, Output

app = typer.Typer(
    name="genctl",
    cls=CommandGroup,
    invoke_without_command=True,
    rich_markup_mode=None,  # rich would take longer to load than everything else together
    context_settings={
        "max_content_width": 100,
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: name.replace("_", "-"),  # --batch_size is fine too
    },
)
app.command("train", cls=TrainCommand)(train)
app.command("sample", cls=SampleCommand)(sample)
app.command("eval", cls=EvalCommand)(evaluate)
app.command("compare", cls=Command)(compare)
app.command("stats", cls=Command)(stats)
app.command("export", cls=Command)(export)
app.command("models", cls=ModelsCommand)(models)
app.add_typer(runs)
app.add_typer(data)
app.add_typer(config)
app.command("info", cls=Command)(info)
app.command("explain", cls=Command)(explain)
app.command("watch", cls=Command)(watch)
app.command("report", cls=Command)(report)
app.command("doctor", cls=Command)(doctor)
app.command("demo", cls=Command)(demo)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genctl {genctl.__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Train, sample, evaluate and export generative models.

    Start with: genctl demo, or genctl train gan
    """
    help_when_bare(ctx)


def run(argv: Sequence[str] | None, started: float) -> int:
    """Parse ``argv``, do what it says, and turn whatever goes wrong into one line.

    Args:
        argv: the arguments; the process's own when None.
        started: `time.monotonic` when the process began.

    Returns:
        The exit status.
    """
    arguments = _common_flags_last(sys.argv[1:] if argv is None else argv)
    output = Output(Mode.JSON if "--json" in arguments else Mode.HUMAN)
    _accept_any_text()
    try:
        code = app(args=arguments, prog_name="genctl", obj=started, standalone_mode=False) or 0
        if code == ExitStatus.INTERRUPTED:  # Typer has swallowed the Ctrl-C itself
            output.error(GenctlError(ExitStatus.INTERRUPTED, "interrupted"))
    except Exception as error:  # noqa: BLE001
        # Nobody is left above to say it.
        code = report_failure(error, output, debug="--debug" in arguments)
    return _flushed(int(code))


def _common_flags_last(arguments: Sequence[str]) -> list[str]:
    """``genctl --json models`` as ``genctl models --json``, where the verb finds it."""
    first = list(itertools.takewhile(COMMON_FLAGS.__contains__, arguments))
    return [*arguments[len(first) :], *first]


def _accept_any_text() -> None:
    """Let a terminal that knows few letters show others escaped, rather than fail at them."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _flushed(code: int) -> int:
    """``code``, once everything is out; a reader that left early (``| head``) is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
