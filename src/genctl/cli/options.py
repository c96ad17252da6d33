"""Options that several verbs share, each with one name and one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from genctl.cli import completion
from genctl.cli.typer_ext import MORE
from genctl.config.aliases import PRECISIONS


def number(default: str) -> Any:
    """``--n``; ``default`` in words."""
    return typer.Option("--n", metavar="N", help=f"Number of samples. Default: {default}.")


def out(what: str, metavar: str = "PATH") -> Any:
    """``--out``; ``what`` names the output, and may name its default place."""
    return typer.Option("--out", metavar=metavar, help=f"Where to write {what}.")


def seed(panel: str | None = None) -> Any:
    """``--seed``."""
    return typer.Option(
        "--seed", metavar="N", help="Seed of all randomness.", rich_help_panel=panel
    )


def settings_file() -> Any:
    """``--config``."""
    return typer.Option("--config", metavar="FILE", help="Read settings from a TOML or JSON file.")


Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="cpu, cuda, cuda:1 or mps. Default: the fastest.",
        autocompletion=completion.one_of("cpu", "cuda", "mps"),
        rich_help_panel=MORE,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        help="CPU threads. Default: PyTorch's.",
        rich_help_panel=MORE,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision",
        "--amp",
        metavar="NAME",
        help="Number format: auto, fp32, bf16 or fp16.",
        autocompletion=completion.one_of(*PRECISIONS),
        rich_help_panel=MORE,
    ),
]
EvalPrecision = Annotated[
    str | None,
    typer.Option(
        "--precision",
        "--amp",
        metavar="NAME",
        help="Number format: auto, fp32 or bf16.",
        autocompletion=completion.one_of(*completion.EVAL_PRECISIONS),
        rich_help_panel=MORE,
    ),
]
Model = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A run, an exported folder or an .onnx file. Default: the latest run with a "
        "checkpoint.",
        autocompletion=completion.run_names,
    ),
]
NewestRun = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="Name or folder of a run. Default: the newest run.",
        autocompletion=completion.run_names,
    ),
]
OneRun = Annotated[
    str, typer.Argument(metavar="RUN", help="A run.", autocompletion=completion.run_names)
]
Checkpoint = Annotated[
    str,
    typer.Option(
        "--checkpoint",
        metavar="NAME",
        help="Checkpoint of a run: best, last or a step number.",
        autocompletion=completion.one_of("best", "last"),
        rich_help_panel=MORE,
    ),
]
_WEIGHTS: dict[str, Any] = {
    "metavar": "NAME",
    "help": "Weights of the model: best, raw or ema.",
    "autocompletion": completion.one_of(*completion.WEIGHTS),
}
Weights = Annotated[str, typer.Option("--weights", **_WEIGHTS)]
WeightsOfModel = Annotated[str, typer.Option("--weights", "--model-weights", **_WEIGHTS)]
Extractor = Annotated[
    str | None,
    typer.Option(
        "--extractor",
        metavar="NAME",
        help="Feature extractor. Default: chosen by the data.",
        autocompletion=completion.one_of(*completion.EXTRACTORS),
    ),
]
_EXTRACTOR_WEIGHTS: dict[str, Any] = {
    "metavar": "FILE",
    "help": "Inception weights for the extractor.",
    "rich_help_panel": MORE,
}
ExtractorWeights = Annotated[Path | None, typer.Option("--extractor-weights", **_EXTRACTOR_WEIGHTS)]
ExtractorWeightsOnly = Annotated[
    Path | None, typer.Option("--extractor-weights", "--weights", **_EXTRACTOR_WEIGHTS)
]
"""``--weights`` of verbs that take no model, so that the older name is free."""
Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        metavar="NAME",
        help=f"Resize images like this tool: {', '.join(completion.PROTOCOLS)}.",
        autocompletion=completion.one_of(*completion.PROTOCOLS),
    ),
]
BatchSize = Annotated[
    int,
    typer.Option(
        "--batch-size",
        metavar="N",
        help="Samples generated at a time: changes memory and speed, not results.",
        rich_help_panel=MORE,
    ),
]
Log = Annotated[
    list[str] | None,
    typer.Option(
        "--log",
        metavar="NAME",
        help=f"Also log to {' or '.join(completion.LOGGERS)}.",
        autocompletion=completion.one_of(*completion.LOGGERS),
        rich_help_panel=MORE,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Named settings to start from.",
        autocompletion=completion.presets,
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the configuration."),
]
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A named data set (genctl data ls), a folder or a file.",
        autocompletion=completion.sources,
    ),
]


def use_threads(threads: int | None) -> None:
    """Apply ``--threads``.

    Raises:
        GenctlError: the number is below 1.
    """
    from genctl.engine import devices

    devices.use_threads(threads)
