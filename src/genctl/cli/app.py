"""The ``genctl`` command: its verbs in five groups, and how errors end it."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TextIO

import typer

import genctl
from genctl.cli.context import COMMON_FLAGS
from genctl.cli.errors import report as report_failure
from genctl.cli.statuses import MEANINGS
from genctl.cli.typer_ext import Command, CommandGroup, help_when_bare
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
from genctl.cli.views.help_page import Section
from genctl.config.variables import VARIABLES
from genctl.errors import ExitStatus, GenctlError, SurroundingsWarning
from genctl.output import Mode, Output

OLDER_NAMES = {
    "stats": "data stats",
    "report": "watch --save FILE",
    "explain": "info STATUS",
    "config show": "info FAMILY --preset NAME",
    "config diff": "compare RUN RUN",
    "runs compare": "compare RUN RUN",
}
"""Hidden commands that still run -> the present command."""

ORDER: list[str] = []
"""The verbs as the first screen lists them."""


class FirstScreen(CommandGroup):
    """The verbs in their groups."""

    order = ORDER

    def more_sections(self) -> list[Section]:
        older = [(name, f"now genctl {present}") for name, present in OLDER_NAMES.items()]
        statuses = [(str(int(status)), meaning) for status, (meaning, _) in MEANINGS.items()]
        return [
            Section("Exit statuses (genctl info STATUS)", statuses),
            Section("Environment variables", list(VARIABLES.items())),
            Section("Older names, which still work", older),
        ]


app = typer.Typer(
    name="genctl",
    cls=FirstScreen,
    invoke_without_command=True,
    rich_markup_mode=None,  # importing rich takes longer than everything else together
    context_settings={
        "max_content_width": 100,
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: name.replace("_", "-"),  # --batch_size is fine too
    },
)


def _add(group: str, name: str, summary: str, verb: Any, cls: type[Command] = Command) -> None:
    """Add a verb to a group of the first screen."""
    ORDER.append(name)
    if isinstance(verb, typer.Typer):
        app.add_typer(verb, name=name, rich_help_panel=group, short_help=summary)
    else:
        app.command(name, cls=cls, rich_help_panel=group, short_help=summary)(verb)


_add("Start", "demo", "Train, sample, score and export in five minutes", demo)
_add("Start", "models", "What can be trained, and the options of each", models, ModelsCommand)
_add("Make", "data", "Check, clean, label, list, stats", data)
_add("Make", "train", "Train or fine-tune", train, TrainCommand)
_add("Make", "sample", "Generate images or text", sample, SampleCommand)
_add("Judge", "eval", "Score a model, an export or files", evaluate, EvalCommand)
_add("Judge", "compare", "Runs or scores side by side", compare)
_add("Judge", "watch", "See a run live; --save writes one page", watch)
_add("Use", "export", "Write a model for other programs, with proof", export)
_add("Keep", "runs", "List, show, remove", runs)
_add("Keep", "info", "Explain a run, export, file, setting or exit status", info)
_add("Keep", "doctor", "Check the installation and caches", doctor)
app.command("stats", cls=Command, hidden=True)(stats)
app.command("report", cls=Command, hidden=True)(report)
app.command("explain", cls=Command, hidden=True)(explain)
app.add_typer(config, hidden=True)


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

    Start with: genctl demo
    """
    help_when_bare(ctx)
    _warn_of_variables()


def _warn_of_variables() -> None:
    """One line for each ``GENCTL_`` variable that genctl does not read, from one process."""
    unlisted = any(name.startswith("GENCTL_") and name not in VARIABLES for name in os.environ)
    if unlisted and os.environ.get("LOCAL_RANK", "0") == "0":
        from genctl.config.environment import unknown_variables

        for sentence in unknown_variables(os.environ):
            Output().warn(sentence)


def run(argv: Sequence[str] | None, started: float) -> int:
    """Parse ``argv``, run the verb, and report an error as one line and a hint.

    Args:
        argv: the arguments; the process's own when None.
        started: `time.monotonic` when the process began.

    Returns:
        The exit status.
    """
    arguments = _common_flags_last(sys.argv[1:] if argv is None else argv)
    output = Output(Mode.JSON if "--json" in arguments else Mode.HUMAN)
    _accept_any_text()
    with _warnings_on(output):
        try:
            code = app(args=arguments, prog_name="genctl", obj=started, standalone_mode=False) or 0
            if code == ExitStatus.INTERRUPTED:  # Typer has swallowed the Ctrl-C itself
                output.error(GenctlError(ExitStatus.INTERRUPTED, "interrupted"))
        except SystemExit as ended:  # Typer ends the process itself where a pipe is closed
            code = ExitStatus.OK if _reader_left() else ended.code or 0
        except Exception as error:  # noqa: BLE001
            # There is no caller above that could report it.
            code = report_failure(error, output, debug="--debug" in arguments, words=arguments)
    return _flushed(int(code), output)


@contextlib.contextmanager
def _warnings_on(output: Output) -> Iterator[None]:
    """Show warnings about the surroundings as those of a verb."""
    usual = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, SurroundingsWarning):
            output.warn(str(message))
        else:
            usual(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual


def _common_flags_last(arguments: Sequence[str]) -> list[str]:
    """``genctl --json models`` as ``genctl models --json``."""
    first = list(itertools.takewhile(COMMON_FLAGS.__contains__, arguments))
    return [*arguments[len(first) :], *first]


def _accept_any_text() -> None:
    """Print characters that the terminal cannot show as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _reader_left() -> bool:
    """Whether the program that read stdout has ended, such as ``| head``."""
    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except OSError:  # not a file of the system
        return False
    return bool(poll.poll(0))


def _flushed(code: int, output: Output) -> int:
    """Flush the streams and return ``code``; a closed pipe (``| head``) is not an error."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if stream is sys.stdout and not isinstance(error, BrokenPipeError):
                reason = f"cannot write the result to stdout: {error.strerror or error}"
                output.error(GenctlError(ExitStatus.FAILURE, reason))
                code = code or ExitStatus.FAILURE
    return code
