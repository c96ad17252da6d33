"""Options that several verbs share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genctl.cli import completion

Device = Annotated[
    str | None,
    typer.Option("--device", help="cpu, cuda, cuda:1 or mps; left out: the best there is."),
]
Threads = Annotated[
    int | None, typer.Option("--threads", help="CPU threads; left out: as many as torch takes.")
]
Model = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A run (name or folder), an exported folder or .onnx file; "
        "left out: the latest run that has a checkpoint.",
        autocompletion=completion.run_names,
    ),
]
Checkpoint = Annotated[
    str,
    typer.Option(
        "--checkpoint",
        help="Of a run: best, last or the number of a step.",
        metavar="best|last|STEP",
        autocompletion=completion.one_of("best", "last"),
    ),
]
_WEIGHTS_HELP = "Of a run: those that scored best, an average by its name, or the raw ones."
Weights = Annotated[
    str,
    typer.Option(
        "--weights",
        help=_WEIGHTS_HELP,
        metavar="best|ema|raw",
        autocompletion=completion.one_of("best", "ema", "raw"),
    ),
]
ModelWeights = Annotated[
    str,
    typer.Option(
        "--model-weights",
        help=_WEIGHTS_HELP,
        metavar="best|ema|raw",
        autocompletion=completion.one_of("best", "ema", "raw"),
    ),
]
Extractor = Annotated[
    str | None,
    typer.Option(
        "--extractor",
        help="Features; left out: those that belong to the data, else inception, else rand.",
        metavar="inception|digits|rand|px|torchvision:NAME|module:callable",
        autocompletion=completion.one_of(*completion.EXTRACTORS),
    ),
]
ExtractorWeights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="A file of weights for the extractor: inception's, or torchvision:NAME's.",
        metavar="FILE",
    ),
]
Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        help="Whose way of resizing to follow with Inception; left out: tf.",
        metavar="|".join(completion.PROTOCOLS),
        autocompletion=completion.one_of(*completion.PROTOCOLS),
    ),
]
NewestRun = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="Name or folder; left out: the run that was written to last.",
        autocompletion=completion.run_names,
    ),
]
BatchSize = Annotated[
    int,
    typer.Option("--batch-size", help="Samples made at a time: memory and speed, not results."),
]
Out = Annotated[Path | None, typer.Option("--out", help="Where to write.", show_default=False)]


Amp = Annotated[
    str | None,
    typer.Option(
        "--amp",
        help="Mixed precision.",
        metavar="|".join(completion.AMP),
        autocompletion=completion.one_of(*completion.AMP),
    ),
]
Log = Annotated[
    list[str] | None,
    typer.Option(
        "--log",
        help=f"Also log to {' or '.join(completion.LOGGERS)}.",
        metavar="NAME",
        autocompletion=completion.one_of(*completion.LOGGERS),
    ),
]


def use_threads(threads: int | None) -> None:
    """Obey ``--threads``.

    Raises:
        GenctlError: the number is below 1.
    """
    from genctl.engine import devices

    devices.use_threads(threads)
