"""``genctl export``: writes a trained model in a format that other programs read, with proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genctl.cli import completion, options
from genctl.cli.context import Context
from genctl.cli.options import Checkpoint, Model, Threads, Weights, use_threads

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
    out: Annotated[Path | None, options.out("the export. Default: in the run")] = None,
    weights: Weights = "best",
    checkpoint: Checkpoint = "best",
    threads: Threads = None,
) -> None:
    """Write a trained model for other programs.

    The export is loaded in its target runtime and compared with the model. One that differs is
    deleted (status 6).

    Notes:
        Formats: safetensors (a folder that genctl reads), onnx (a graph for any ONNX runtime), for
        diffusion models diffusers (a folder), for language models hf (a folder for transformers),
        gguf (16 bits) and gguf-q8_0 (8 bits), both files for llama.cpp.

        JSON: path, format, proof.
    """
    from genctl.api.models import exporting

    call: Context = ctx.obj
    use_threads(threads)
    done = exporting.export(
        model, format, out, checkpoint=checkpoint, weights=weights, output=call.output
    )
    call.output.result(done.to_json(), describe(done), bare=str(done.path))


def describe(done: Exported) -> str:
    """An export as text."""
    return f"{done.path}: {done.format}, proof: {done.proof}"
