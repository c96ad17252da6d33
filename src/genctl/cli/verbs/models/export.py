"""``genctl export``: a trained model in a format that others read, proved to be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from genctl.cli import completion
from genctl.cli.command import Context
from genctl.cli.options import Checkpoint, Model, Out, Threads, Weights, use_threads

if TYPE_CHECKING:
    from genctl.api.models.exporting import Exported


def export(
    ctx: typer.Context,
    model: Model = None,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="What to write: see genctl models.",
            metavar="NAME",
            autocompletion=completion.formats,
        ),
    ] = "safetensors",
    out: Out = None,
    weights: Weights = "best",
    checkpoint: Checkpoint = "best",
    threads: Threads = None,
) -> None:
    """Write a trained model for other programs.

    The file is read back and must compute the same; one that does not is not kept (exit 6).
    """
    from genctl.api.models import exporting

    call: Context = ctx.obj
    use_threads(threads)
    done = exporting.export(
        model, format, out, checkpoint=checkpoint, weights=weights, output=call.output
    )
    call.output.result(done.to_json(), describe(done), bare=str(done.path))


def describe(done: Exported) -> str:
    """An export as a person reads it."""
    return f"{done.path}: {done.format}, proved in {done.proof}"
