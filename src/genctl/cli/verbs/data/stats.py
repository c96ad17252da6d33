"""``genctl data stats``: feature statistics of images, as a reference for ``genctl eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genctl.cli import options
from genctl.cli.context import Context
from genctl.cli.options import (
    Device,
    EvalPrecision,
    Extractor,
    ExtractorWeightsOnly,
    Protocol,
    Source,
    Threads,
    use_threads,
)


def stats(
    ctx: typer.Context,
    source: Source,
    out: Annotated[Path, options.out("the statistics: an .npz", "FILE")],
    n: Annotated[int | None, options.number("all")] = None,
    extractor: Extractor = None,
    protocol: Protocol = None,
    weights: ExtractorWeightsOnly = None,
    precision: EvalPrecision = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Write feature statistics of images, for `genctl eval --ref`.

    Notes:
        The file holds the mean and covariance of the features as mu and sigma, as pytorch-fid and
        clean-fid write them, and n and extractor. `genctl eval` refuses another extractor.

        JSON: path, n, extractor, reason.
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
        precision=precision or "auto",
        device=device,
        output=call.output,
    )
    call.output.result(
        {"path": str(done.path), "n": done.n, "extractor": done.extractor, "reason": done.reason},
        f"{done.path}: mean and covariance of {done.n} images, {done.extractor} features "
        f"({done.reason})",
        bare=str(done.path),
    )
