"""``genctl info``: what a name means: a family, a run or an export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from genctl import registry, runs
from genctl.cli import completion
from genctl.cli.command import Context
from genctl.cli.verbs.models.models import show_family
from genctl.cli.verbs.runs.runs import show_run
from genctl.cli.views.tables import table
from genctl.contracts import DataSpec
from genctl.runs import Run


def info(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A family, a run, an exported folder or an .onnx file; left out, the newest run.",
            autocompletion=completion.run_names,
        ),
    ] = None,
) -> None:
    """Say what a family, a run or an export is."""
    call: Context = ctx.obj
    if name is None:
        show_run(call, runs.find_or_newest(None))
    elif name in {spec.name for spec in registry.specs()}:
        show_family(call, registry.get(name))
    elif (document := _exported(Path(name))) is not None:
        call.output.result(document, _describe(name, document), bare=document["config"]["family"])
    else:
        show_run(call, runs.find(name))


def _exported(path: Path) -> dict[str, Any] | None:
    """What an export says of itself; None where it is none."""
    if path.suffix == ".onnx" and path.is_file():
        from genctl.export import onnx

        document: dict[str, Any] = onnx.read(path)[0]
        return document
    return Run(path).read("genctl.json")  # type: ignore[no-any-return]


def _describe(name: str, document: dict[str, Any]) -> str:
    config = document["config"]
    data = DataSpec.from_json(document["data"]) if document.get("data") else None
    rows = [("export", name), ("family", f"{config['family']}, preset {config['preset']}")]
    if data:
        rows.append(("data", f"{data.name}: {data.in_words(data.examples)}"))
        if data.class_names:
            rows.append(("classes", ", ".join(data.class_names[:20])))
    rows += [(key, str(document[key])) for key in ("weights", "step", "genctl") if key in document]
    return table(rows)
