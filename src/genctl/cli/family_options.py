"""A family's own options as options of a verb: parsed, helped with, completed, misspelt alike."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from genctl.cli.command import FAMILY_ARG, Command, parameters_of
from genctl.cli.completion import one_of

if TYPE_CHECKING:
    from genctl.config import OptionInfo

_FOUND = "genctl.family_options"
_DECLARED = "genctl.family_options.declared"


@dataclass(frozen=True)
class FamilyOptions:
    """What a verb's arguments add to its options.

    Attributes:
        subject: the family or run that has them.
        panels: title in the help -> the options under it.
        sections: title at the end of the help -> names and what they mean.
    """

    subject: str = ""
    panels: Mapping[str, Sequence[OptionInfo]] = field(default_factory=dict)
    sections: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


class FamilyCommand(Command):
    """A verb whose options go on with those of the family that its arguments mean."""

    def family_options(self, args: Sequence[str], *, strict: bool) -> FamilyOptions:
        """What ``args`` add; nothing, unless a verb says otherwise.

        Args:
            strict: whether an argument that means no family is an error.
        """
        return FamilyOptions()

    def positionals(self, args: Sequence[str]) -> list[str]:
        """The words of ``args`` that may be arguments, the value of an unknown option included."""
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
        ctx.meta[_DECLARED] = _declare(found, taken)
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

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what the family adds to the end of the help."""
        for title, records in ctx.meta[_FOUND].sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def _declared(ctx: Any) -> dict[str, Any]:
    """Key -> the Typer parameter of the family's option."""
    return cast("dict[str, Any]", ctx.meta.get(_DECLARED, {}))


def _declare(options: FamilyOptions, taken: set[str]) -> dict[str, Any]:
    infos = [info for panel in options.panels.values() for info in panel]
    if not infos:
        return {}
    names = _long_names(infos, taken)

    def declaration(**values: object) -> None: ...

    cast("Any", declaration).__signature__ = inspect.Signature(
        [
            _parameter(info, names[info.key], title)
            for title, panel in options.panels.items()
            for info in panel
        ]
    )
    return dict(zip(names, parameters_of(declaration), strict=True))


def _long_names(infos: Iterable[OptionInfo], taken: set[str]) -> dict[str, str]:
    """Key -> long option: the leaf, or the dotted key where the leaf means something else too."""
    infos = list(infos)
    leaves = [info.leaf for info in infos]
    names = {}
    for info in infos:
        short = f"--{info.leaf}".replace("_", "-")
        free = short not in taken and leaves.count(info.leaf) == 1
        names[info.key] = short if free else f"--{info.key}".replace("_", "-")
    return names


def _parameter(info: OptionInfo, name: str, panel: str) -> inspect.Parameter:
    flag = isinstance(info.default, bool)
    option = typer.Option(
        f"{name}/--no-{name.removeprefix('--')}" if flag else name,
        help=info.help,
        metavar=None if flag else info.type,
        rich_help_panel=panel,
        autocompletion=one_of(*info.type.split("|")) if "|" in info.type else None,
    )
    return inspect.Parameter(
        f"family_{info.key.replace('.', '_')}",
        inspect.Parameter.KEYWORD_ONLY,
        default=info.default if flag else _text(info.default),
        annotation=Annotated[bool if flag else str, option],
    )


def _text(default: object) -> str | None:
    if default is None or default == "":
        return None
    return f"{default:g}" if isinstance(default, float) else str(default)
