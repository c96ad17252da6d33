"""``genctl stats``: real images as one small file to compare with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genctl.cli import completion
from genctl.cli.command import Context
from genctl.cli.options import (
    Device,
    Extractor,
    ExtractorWeights,
    Protocol,
    Threads,
    use_threads,
)


def stats(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Images: a built-in name, a folder, .zip or .npz, or module:callable.",
            autocompletion=completion.sources,
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The .npz to write, for genctl eval --ref.")
    ],
    n: Annotated[int | None, typer.Option("--n", help="At most so many images.")] = None,
    extractor: Extractor = None,
    weights: ExtractorWeights = None,
    protocol: Protocol = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Write what a Fréchet distance needs of real images.

    As mu and sigma, which pytorch-fid and clean-fid read too.
    """
    from genctl.api.datasets import statistics

    call: Context = ctx.obj
    use_threads(threads)
    done = statistics.write_statistics(
        source,
        out,
        n=n,
        extractor=extractor,
        extractor_weights=weights,
        protocol=protocol,
        device=device,
        output=call.output,
    )
    call.output.result(
        {"path": str(done.path), "n": done.n, "extractor": done.extractor, "reason": done.reason},
        f"{done.path}: mean and covariance of {done.n} images, {done.extractor} features "
        f"({done.reason})",
        bare=str(done.path),
    )
