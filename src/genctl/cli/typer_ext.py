"""Everything that genctl changes in Typer: short and long help, common options, old names.

Typer carries its own Click and calls most of it private. What is used here: `TyperCommand` and
`TyperGroup` with their methods ``get_params``, ``parse_args``, ``format_help``,
``collect_usage_pieces``, ``resolve_command`` and ``shell_complete``, and of parameters ``opts``,
``secondary_opts``, ``is_flag``, ``metavar``, ``help``, ``hidden``, ``default``, ``show_default``,
``required``, ``param_type_name`` and ``rich_help_panel``. Tried with Typer 0.28.0 and 0.29.2.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from genctl.cli.context import (
    COMMON_PANEL,
    FAMILY_ARG,
    SHOW_ALL,
    Context,
    HelpAll,
    common_options,
)
from genctl.cli.family_options import FamilyOptions, declaration, family_sections
from genctl.cli.views.help_page import Row, Section, help_page
from genctl.errors import unknown

MORE = "More options"
"""The panel (``rich_help_panel``) of options that only ``--help-all`` shows."""

_FOUND = "genctl.family_options"
_DECLARED = "genctl.family_options.declared"


class CommandGroup(TyperGroup):
    """A group of commands; for an unknown command it suggests the nearest known ones.

    Its help lists the commands by panel. ``--help-all`` adds options and `more_sections`.

    Attributes:
        order: the names of commands in the order of the help; other commands follow.
    """

    order: Sequence[str] = ()

    def more_sections(self) -> list[Section]:
        """The sections that only ``--help-all`` shows."""
        return []

    def get_params(self, ctx: Any) -> list[Any]:
        return [*_settled(super().get_params(ctx)), *_group_options()]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if not (name in self.commands or name.startswith("-") or ctx.resilient_parsing):
            shown = [key for key, command in self.commands.items() if not command.hidden]
            raise unknown("command", name, shown, hint=f"{ctx.command_path} --help")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        place = {name: number for number, name in enumerate(self.order)}
        return sorted(self.commands, key=lambda name: place.get(name, len(place)))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        everything = ctx.meta.get(SHOW_ALL, False)
        panels: dict[str, list[Row]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.commands[name]
            rows = panels.setdefault(command.rich_help_panel or "Commands", [])
            if not command.hidden:
                rows.append((name, command.get_short_help_str(200).replace("`", "").rstrip(".")))
        sections = [Section(title, rows) for title, rows in panels.items()]
        if everything:
            common = Section(COMMON_PANEL, [_row(option) for option in _common_options()])
            own = [s for s in _option_sections(self, ctx, full=True) if s.title != COMMON_PANEL]
            sections += [*own, common, *self.more_sections()]
        text, _ = _texts(self.help)
        words = ctx.command_path
        footer = "" if everything else f"Help: {words} COMMAND --help. More: {words} --help-all."
        page = help_page(f"{words} COMMAND [OPTIONS]", text, sections, footer, formatter.width)
        formatter.write(page)


class Command(TyperCommand):
    """A command with its own options and those of `common_options`; it receives a `Context`.

    ``--help`` shows what most people need. ``--help-all`` shows all options and the notes of the
    docstring (the Markdown after the line ``Notes:``).
    """

    def get_params(self, ctx: Any) -> list[Any]:
        return [*_settled(super().get_params(ctx)), *_common_options()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            rest = super().parse_args(ctx, args)
        except typer.TyperException as error:
            if getattr(error, "ctx", None) is None:
                vars(error)["ctx"] = ctx  # so that the hint can name the verb
            raise
        chosen = {p.name: ctx.params.pop(p.name, False) for p in _common_options()}
        if not ctx.resilient_parsing:
            ctx.obj = Context(ctx.obj, common_options(**chosen))
        return rest

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete as Typer does, without older names."""
        old = {name for parameter in self.get_params(ctx) for name in _old_names(parameter)}
        return [item for item in super().shell_complete(ctx, incomplete) if item.value not in old]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        everything = ctx.meta.get(SHOW_ALL, False)
        text, notes = self.texts(ctx)
        words = [name for _, name in self._own_words(ctx)]
        usage = " ".join([ctx.command_path, *words, "[OPTIONS]"])
        footer = "" if everything else _footer(self.footer_words(ctx))
        page = help_page(
            usage,
            "\n\n".join([text, notes] if everything else [text]),
            self.sections(ctx, everything=everything),
            footer,
            formatter.width,
        )
        formatter.write(page)

    def _own_words(self, ctx: Any) -> Iterator[tuple[Any, str]]:
        """Each argument, and its name in the usage line."""
        for parameter in cast("list[Any]", self.params):
            if parameter.param_type_name == "argument" and not parameter.hidden:
                name = parameter.metavar or parameter.name.upper()
                yield parameter, name if parameter.required else f"[{name}]"

    def texts(self, ctx: Any) -> tuple[str, str]:
        """The description, and the notes that only ``--help-all`` shows."""
        return _texts(self.help)

    def footer_words(self, ctx: Any) -> str:
        """The command whose ``--help-all`` shows all options."""
        return str(ctx.command_path)

    def sections(self, ctx: Any, *, everything: bool) -> list[Section]:
        """The parameters that the help lists."""
        return list(_option_sections(self, ctx, full=everything))


class FamilyCommand(Command):
    """A verb that also takes the options of the family that its arguments name."""

    def family_options(self, args: Sequence[str], *, strict: bool) -> FamilyOptions:
        """The options that ``args`` add; none, unless a verb overrides this.

        Args:
            strict: whether an argument that names no family is an error.
        """
        return FamilyOptions()

    def positionals(self, args: Sequence[str]) -> list[str]:
        """The words of ``args`` that may be arguments, including values of unknown options."""
        takes_value = {
            name
            for parameter in cast("list[Any]", self.params)
            if parameter.param_type_name == "option" and not parameter.is_flag
            for name in parameter.opts
        }
        return [
            word
            for word, before in zip(args, ["", *args], strict=False)
            if not word.startswith("-") and before not in takes_value
        ]

    def get_params(self, ctx: Any) -> list[Any]:
        return [*super().get_params(ctx), *_declared(ctx).values()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        found = self.family_options(args, strict=not ctx.resilient_parsing)
        ctx.meta[_FOUND], ctx.meta[FAMILY_ARG] = found, found.subject
        taken = {name for parameter in super().get_params(ctx) for name in parameter.opts}
        names = found.names(taken)
        declared = parameters_of(declaration(found, names)) if names else []
        ctx.meta[_DECLARED] = dict(zip(names, declared, strict=True))
        rest = super().parse_args(ctx, args)
        values = {key: ctx.params.pop(p.name, None) for key, p in _declared(ctx).items()}
        if not ctx.resilient_parsing:
            given = {
                key: str(value).lower() if isinstance(value, bool) else value
                for key, value in values.items()
                if ctx.get_parameter_source(_declared(ctx)[key].name).name == "COMMANDLINE"
            }
            ctx.obj = dataclasses.replace(ctx.obj, options=given)
        return rest

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The parameters without the options that do not apply to the family."""
        useless = ctx.meta[_FOUND].useless
        own = [p for p in cast("list[Any]", self.params) if p.name in useless]
        hidden = {name for parameter in own for name in parameter.opts}
        return [i for i in super().shell_complete(ctx, incomplete) if i.value not in hidden]

    def texts(self, ctx: Any) -> tuple[str, str]:
        text, notes = super().texts(ctx)  # the second paragraph tells how to name a family
        return text.partition("\n\n")[0] if ctx.meta[_FOUND].subject else text, notes

    def footer_words(self, ctx: Any) -> str:
        return " ".join(filter(None, [ctx.command_path, ctx.meta[_FOUND].subject]))

    def sections(self, ctx: Any, *, everything: bool) -> list[Section]:
        found = ctx.meta[_FOUND]
        own = list(_option_sections(self, ctx, full=everything, left_out=found.useless))
        if found.subject:  # the usage line names it already
            own = [section for section in own if section.title != "Arguments"]
        names = {key: p.opts[0] for key, p in _declared(ctx).items()}
        family = family_sections(found, names, everything=everything)
        last = [section for section in own if section.title == COMMON_PANEL]
        return [*(section for section in own if section not in last), *family, *last]

    def _own_words(self, ctx: Any) -> Iterator[tuple[Any, str]]:
        subject = ctx.meta[_FOUND].subject
        for number, (parameter, name) in enumerate(super()._own_words(ctx)):
            yield parameter, subject if subject and number == 0 else name


def parameters_of(function: Callable[..., object]) -> list[Any]:
    """The Typer parameters that the signature of ``function`` declares."""
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return list(typer.main.get_command(app).params)


def help_when_bare(ctx: typer.Context) -> None:
    """Show the help of a group that is called without a command."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _option_sections(
    command: Any, ctx: Any, *, full: bool, left_out: frozenset[str] = frozenset()
) -> Iterator[Section]:
    """Arguments and options, grouped by panel."""
    sections: dict[str, list[Row]] = {"Arguments": [], "Options": [], MORE: [], COMMON_PANEL: []}
    for parameter in command.get_params(ctx):
        if parameter.hidden or parameter.name in left_out or parameter in _declared(ctx).values():
            continue
        panel = parameter.rich_help_panel or f"{parameter.param_type_name.title()}s"
        if parameter.name == "help" and isinstance(command, Command):
            panel = COMMON_PANEL
        if full or panel not in (MORE, COMMON_PANEL):
            sections.setdefault(panel, []).append(_row(parameter))
    yield from (Section(title, rows) for title, rows in sections.items())


def _row(parameter: Any) -> Row:
    text = parameter.help or ""
    if parameter.param_type_name == "argument":
        return parameter.metavar or parameter.name.upper(), text
    old = _old_names(parameter)
    name = ", ".join(sorted((n for n in parameter.opts if n not in old), key=len))
    if not parameter.is_flag:
        name += f" {parameter.metavar or 'TEXT'}"
    shown = parameter.default if parameter.show_default and not parameter.is_flag else None
    if parameter.required:
        text += " [required]"
    elif shown not in (None, ""):
        text += f" [default: {shown}]"
    return name, text


def _old_names(parameter: Any) -> list[str]:
    """The older names of an option, which help hides: all long names but the first."""
    return [name for name in parameter.opts if name.startswith("--")][1:]


def _texts(help: str | None) -> tuple[str, str]:
    """The text of a docstring and its notes, without the Markdown marks of code."""
    text, _, notes = (help or "").replace("`", "").partition("\n\nNotes:\n")
    return text, "\n".join(line.removeprefix("    ") for line in notes.splitlines())


def _footer(words: str) -> str:
    return (
        f"All options: {words} --help-all\n"
        "Every command also takes --json, --quiet, --verbose and --debug."
    )


def _settled(parameters: list[Any]) -> list[Any]:
    """``parameters`` with False for absent flags; Typer would import pydantic to convert None."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.default is None:
            parameter.default = False
    return parameters


def _declared(ctx: Any) -> dict[str, Any]:
    """Key -> the Typer parameter of the family's option."""
    return cast("dict[str, Any]", ctx.meta.get(_DECLARED, {}))


@functools.cache
def _common_options() -> list[Any]:
    return parameters_of(common_options)


@functools.cache
def _group_options() -> list[Any]:
    def options(help_all: HelpAll = False) -> None: ...

    return parameters_of(options)
