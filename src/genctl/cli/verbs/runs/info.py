"""``genctl info``: explains a run, an export, a file, a setting or an exit status."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from genctl import registry, runs
from genctl.api.pages.records import data_in
from genctl.cli import completion, options
from genctl.cli.context import Context
from genctl.cli.options import Preset, Sets
from genctl.cli.statuses import show_statuses, statuses
from genctl.cli.verbs.models.models import show_family
from genctl.cli.verbs.models.train import flags_of
from genctl.cli.views.files import family_of, show_file
from genctl.cli.views.runs import show_run
from genctl.cli.views.settings import settings_called, show_setting, show_settings
from genctl.cli.views.tables import table
from genctl.errors import ExitStatus, GenctlError, nearest, unknown
from genctl.runs import Run

STATUSES = "exit-statuses"


def info(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A run, an export, a file or folder, a setting (train.lr), an exit status (3), a "
            f"family, or {STATUSES}. Default: the newest run.",
            autocompletion=completion.run_names,
        ),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(
            "--family",
            metavar="FAMILY",
            help="The family of a setting or a configuration file.",
            autocompletion=completion.families,
        ),
    ] = None,
    preset: Preset = None,
    sets: Sets = None,
    file: Annotated[Path | None, options.settings_file()] = None,
) -> None:
    """Explain a run, an export, a file, a setting or an exit status.

    With `--preset`, `--set` or `--config` it shows every setting that `genctl train` would use,
    and its origin.

    Notes:
        `genctl info gan` describes a family, as `genctl models gan` does. `genctl info
        settings.toml` shows the settings that result from the file. `genctl info lr --family gan`
        explains one key, and with `--preset`, `--set` or `--config` shows its value.

        JSON: for a run run, path, family, state, holder, step, examples, best, written, config,
        origins, data and starts; for settings config and origins; for a setting settings, each
        with key, help, type and defaults; for exit statuses codes, each with code, meaning and
        remedy.
    """
    call: Context = ctx.obj
    if preset or sets or file:
        _show_training(call, name, family, preset=preset, file=file, sets=sets or ())
    elif name is None:
        show_run(call, runs.find_or_newest(None))
    else:
        _explain(call, name, family)


def _show_training(
    call: Context,
    name: str | None,
    family: str | None,
    *,
    preset: str | None,
    file: Path | None,
    sets: Sequence[str],
) -> None:
    """Show the settings of a training.

    Args:
        name: its family, its file of settings, or, beside ``family``, the one setting to show.
    """
    if name is not None and file is None and Path(name).is_file():
        file, name = Path(name), None
    only = name if family is not None and name != family else None
    named = family or name
    if named is not None:
        spec = registry.get(named)
    elif file is not None:
        spec = family_of(file, None)
    else:
        raise GenctlError(
            ExitStatus.USAGE,
            "--preset and --set need a family",
            hint="genctl info gan --preset digits",
        )
    show_settings(call, spec, preset=preset, file=file, sets=sets, only=only)


def _explain(call: Context, name: str, family: str | None) -> None:
    """Explain what ``name`` means; if it has several meanings, the first one below."""
    families = {spec.name: spec for spec in registry.specs()}
    specs = list(families.values()) if family is None else [registry.get(family)]
    path = Path(name)
    if name in families and family is None:
        show_family(call, families[name])
    elif (document := _exported(path)) is not None:
        call.output.result(document, _describe(name, document), bare=document["config"]["family"])
    elif path.is_file():
        show_file(call, path, family)
    elif (run := _run(name)) is not None:
        show_run(call, run)
    elif name == STATUSES or name in statuses():
        show_statuses(call, None if name == STATUSES else name)
    elif found := settings_called(name, specs):
        show_setting(call, found, lambda family: flags_of(registry.get(family)))
    elif path.is_dir():
        show_file(call, path, family)
    else:
        raise _nothing(name, [*families, *(key for spec in specs for key in _keys(spec))])


def _run(name: str) -> Run | None:
    """The run called ``name``, if there is one."""
    try:
        return runs.find(name)
    except GenctlError:
        return None


def _keys(spec: registry.Spec) -> list[str]:
    from genctl.config import options as keys

    return [name for info in keys(spec) for name in (info.key, info.leaf)]


def _nothing(name: str, known: list[str]) -> GenctlError:
    if name.isdecimal():
        return unknown("exit status", name, statuses(), hint=f"genctl info {STATUSES}")
    close = nearest(name, [*known, *completion.run_names(), STATUSES])
    remedy = f"; did you mean {' or '.join(close)}?" if close else ""
    return GenctlError(
        ExitStatus.USAGE,
        f"no run, export, file, family or setting is called {name!r}{remedy}",
        hint="genctl runs ls",
    )


def _exported(path: Path) -> dict[str, Any] | None:
    """The document of an export; None if ``path`` is not an export."""
    if path.suffix == ".onnx" and path.is_file():
        from genctl.export import onnx

        document: dict[str, Any] = onnx.read(path)[0]
        return document
    return Run(path).read("genctl.json") if path.is_dir() else None


def _describe(name: str, document: dict[str, Any]) -> str:
    config = document["config"]
    data = data_in(document["data"], Path(name)) if document.get("data") else None
    rows = [("export", name), ("family", f"{config['family']}, preset {config['preset']}")]
    if data:
        rows.append(("data", f"{data.name}: {data.in_words(data.examples)}"))
        if data.class_names:
            rows.append(("classes", ", ".join(data.class_names[:20])))
    rows += [(key, str(document[key])) for key in ("weights", "step", "genctl") if key in document]
    return table(rows)
