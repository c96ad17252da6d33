"""``genctl models``: lists what can be trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from genctl import registry
from genctl.cli import completion
from genctl.cli.context import Context
from genctl.cli.typer_ext import Command
from genctl.cli.views.presets import preset_rows
from genctl.cli.views.tables import table
from genctl.registry import BUNDLE, Spec, kinds_for

if TYPE_CHECKING:
    from genctl.config import OptionInfo

_BARE = "genctl.models.bare"


class ModelsCommand(Command):
    """``models``, which drops its absent argument, because Typer would import pydantic for it."""

    def get_params(self, ctx: Any) -> list[Any]:
        found = super().get_params(ctx)
        bare = ctx.meta.get(_BARE, False)
        return [p for p in found if not (bare and p.param_type_name == "argument")]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        shown = ctx.resilient_parsing or not {"-h", "--help", "--help-all"}.isdisjoint(args)
        ctx.meta[_BARE] = not shown and all(arg.startswith("-") for arg in args)
        return super().parse_args(ctx, args)


def models(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="FAMILY",
            help="Show everything about this family.",
            autocompletion=completion.families,
        ),
    ] = None,
) -> None:
    """List what can be trained, or show the options of one family.

    Notes:
        JSON: models, each with name, summary, reads, makes, data, presets, parents and exports; for
        one family these, and options and request (its sampling options).
    """
    call: Context = ctx.obj
    if name is not None:
        show_family(call, registry.get(name))
        return
    specs = registry.specs()
    rows = [
        (s.name, s.makes or "-", ", ".join(s.presets), ", ".join(_formats(s)), s.summary)
        for s in specs
    ]
    call.output.result(
        {"models": [_facts(spec) for spec in specs]},
        table(rows, header=("FAMILY", "GENERATES", "PRESETS", "EXPORTS", "SUMMARY")),
        bare="\n".join(spec.name for spec in specs),
    )
    if broken := registry.broken_plugins():
        names = ", ".join(plugin.name for plugin in broken)
        call.output.warn(f"plug-ins that do not load: {names}; see genctl doctor")


def show_family(call: Context, spec: Spec) -> None:
    """Everything about one family: presets, settings, formats."""
    call.output.result(_details(spec), _describe(spec), bare=spec.name)


def _formats(spec: Spec) -> list[str]:
    return [BUNDLE, *spec.exports()]


def _facts(spec: Spec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "summary": spec.summary,
        "reads": dict(spec.reads),
        "makes": spec.makes,
        "data": [kind.name for kind in kinds_for(spec, {})],
        "presets": list(spec.presets),
        "parents": dict(spec.parents),
        "exports": spec.exports(),
    }


def _details(spec: Spec) -> dict[str, Any]:
    from genctl.config import request_options

    def listed(infos: list[OptionInfo]) -> list[dict[str, Any]]:
        return [{"key": i.key, "type": i.type, "default": i.default, "help": i.help} for i in infos]

    presets = {name: dict(values) for name, values in spec.presets.items()}
    return {
        **_facts(spec),
        "presets": presets,
        "options": listed(_own(spec)),
        "request": listed(request_options(spec)),
    }


def _describe(spec: Spec) -> str:
    from genctl.config import request_options

    facts = [
        ("reads", ", ".join(spec.reads)),
        ("generates", spec.makes or "-"),
        ("data", ", ".join(kind.name for kind in kinds_for(spec, {}))),
        ("exports", ", ".join(_formats(spec))),
        *((f"parent {role}", use) for role, use in spec.parents.items()),
    ]
    parts = [
        f"{spec.name}: {spec.summary}",
        table(facts),
        "PRESETS (--preset NAME; all but the first list what differs from the first)",
        table(preset_rows(spec)),
        "CONFIGURATION (genctl train, --set KEY=VALUE or --key VALUE)",
        table([_row(info) for info in _own(spec)]),
    ]
    if sampling := request_options(spec):
        title = "SAMPLING (genctl sample --KEY VALUE; genctl train --set sample.KEY=VALUE)"
        parts += [title, table([_row(info) for info in sampling])]
    return "\n\n".join(parts)


def _own(spec: Spec) -> list[OptionInfo]:
    """The training options, without the sampling options."""
    from genctl.config import options

    return [info for info in options(spec) if not info.key.startswith("sample.")]


def _row(info: OptionInfo) -> tuple[str, str, str, str]:
    return (info.key, str(info.default), info.type, info.help)
