"""What all verbs have in common: how they are parsed, and where they talk."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from genctl.errors import ExitStatus, GenctlError, unknown
from genctl.output import Mode, Output

COMMON_FLAGS = {"--json", "--quiet", "-q", "--verbose", "-v", "--debug"}
PANEL = "Options of every command"
FAMILY_ARG = "genctl.subject"
"""In ``ctx.meta``: the family or run whose own options the verb takes."""


@dataclass(frozen=True)
class Context:
    """How a verb was called; ``ctx.obj`` inside it.

    Attributes:
        started: `time.monotonic` when the process began; None when that is unknown.
        output: where to talk.
        options: the family's own options that were given: key -> text.
    """

    started: float | None
    output: Output
    options: Mapping[str, str] = field(default_factory=dict)


class CommandGroup(TyperGroup):
    """A group whose unknown commands are answered with the nearest known ones."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _settled(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if not (name in self.commands or name.startswith("-") or ctx.resilient_parsing):
            raise unknown("command", name, self.commands, hint=f"{ctx.command_path} --help")
        return super().resolve_command(ctx, args)


class Command(TyperCommand):
    """A command with the options of `common_options` besides its own; it gets a `Context`."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [*_settled(super().get_params(ctx)), *_common_options()]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the options, by the panels they name."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            default = f"{parameter.param_type_name.title()}s"
            records = sections.setdefault(parameter.rich_help_panel or default, [])
            records.append(parameter.get_help_record(ctx))
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            rest = super().parse_args(ctx, args)
        except typer.TyperException as error:
            if getattr(error, "ctx", None) is None:
                vars(error)["ctx"] = ctx  # so that the hint can name the verb
            raise
        chosen = {
            parameter.name: ctx.params.pop(parameter.name, False) for parameter in _common_options()
        }
        if not ctx.resilient_parsing:
            ctx.obj = Context(ctx.obj, common_options(**chosen))
        return rest


def common_options(
    json: Annotated[
        bool,
        typer.Option("--json", help="One JSON document on stdout.", rich_help_panel=PANEL),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="The bare result, no talk.", rich_help_panel=PANEL),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say more.", rich_help_panel=PANEL)
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=PANEL),
    ] = False,
) -> Output:
    """The sink that these options, which every verb takes, ask for.

    ``--debug`` is read where errors end up, in `genctl.cli.app.run`.

    Raises:
        GenctlError: options that contradict each other.
    """
    if quiet and (json or verbose):
        other = "--json" if json else "--verbose"
        raise GenctlError(ExitStatus.USAGE, f"--quiet and {other} exclude each other")
    mode = Mode.JSON if json else Mode.QUIET if quiet else Mode.HUMAN
    return Output(mode, verbose=verbose)


def parameters_of(function: Callable[..., object]) -> list[Any]:
    """The Typer parameters that the signature of ``function`` declares."""
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return list(typer.main.get_command(app).params)


def help_when_bare(ctx: typer.Context) -> None:
    """Show the help of a group that was called without a command."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _settled(parameters: list[Any]) -> list[Any]:
    """``parameters``, of which absent flags are False: to convert a None, Typer loads pydantic."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.default is None:
            parameter.default = False
    return parameters


@functools.cache
def _common_options() -> list[Any]:
    return parameters_of(common_options)
