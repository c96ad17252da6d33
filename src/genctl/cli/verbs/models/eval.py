"""``genctl eval``: how good what a model makes is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genctl import registry
from genctl.cli import completion
from genctl.cli.command import Command, Context
from genctl.cli.options import (
    Checkpoint,
    Device,
    Extractor,
    ExtractorWeights,
    ModelWeights,
    Protocol,
    Threads,
    use_threads,
)
from genctl.cli.views.tables import table

if TYPE_CHECKING:
    from genctl.api.evaluation.evaluate import Evaluation
    from genctl.evaluation.score import Score


class EvalCommand(Command):
    """``eval``, whose help lists the metrics that there are."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        parameter: Any
        for parameter in self.params:
            if parameter.name == "metric":
                parameter.help = metrics_help()
        super().format_options(ctx, formatter)


def metrics_help() -> str:
    """The metrics of each kind of output, and how several are named."""
    found = {kind.name: registry.metrics_of(kind.name) for kind in registry.OUTPUT_KINDS.all()}
    named = {kind: ", ".join(map(_typed, metrics)) for kind, metrics in found.items()}
    parts = [f"Of {kind}: {metrics}." for kind, metrics in named.items() if metrics]
    return f"{' '.join(parts)} Several as fid,kid; all: what can be computed."


def _typed(spec: registry.MetricSpec) -> str:
    """How a metric is typed, with its parameter."""
    if spec.choices:
        return f"{spec.name}-{'|'.join(spec.choices)}"
    return f"{spec.name}:{spec.parameter.upper()}" if spec.parameter else spec.name


def evaluate(
    ctx: typer.Context,
    metric: Annotated[
        str,
        typer.Argument(
            metavar="METRIC",
            help="What to compute.",
            autocompletion=completion.metrics,
        ),
    ],
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|PATH",
            help="A run, an export, a folder, .zip or .npz of images, a .jsonl or .txt of texts, "
            "or module:callable; left out: the latest run.",
            autocompletion=completion.run_names,
        ),
    ] = None,
    ref: Annotated[
        str | None,
        typer.Option(
            help="Real images, or text to predict; left out: what the model was trained on, of a "
            "text the part that was held out.",
            metavar="SOURCE",
            autocompletion=completion.sources,
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            help="How many to score; left out: 2000 images or 200 texts of a model, all of a "
            "folder or text.",
        ),
    ] = None,
    extractor: Extractor = None,
    weights: ExtractorWeights = None,
    protocol: Protocol = None,
    precision: Annotated[
        str,
        typer.Option(
            help="exact is float32; fast is bfloat16, checked on the first 256 images.",
            metavar="|".join(completion.PRECISIONS),
            autocompletion=completion.one_of(*completion.PRECISIONS),
        ),
    ] = "exact",
    require: Annotated[
        list[str] | None,
        typer.Option(
            help="Stop with status 3 unless this name, as fid, may be claimed.", metavar="NAME"
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop with status 3 where there is a warning.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A folder for eval.json and eval.html; left out: with all, the run's.",
            metavar="DIR",
        ),
    ] = None,
    model_weights: ModelWeights = "best",
    checkpoint: Checkpoint = "best",
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 1,
    batch_size: Annotated[int, typer.Option(help="Samples made at a time.")] = 250,
    context: Annotated[
        int | None,
        typer.Option(help="Of bpb: tokens in a window; left out: what the model can see."),
    ] = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Score a run, an export or a folder of images.

    The plain names fid and is are printed for verified Inception weights only.
    """
    from genctl.api.evaluation.evaluate import evaluate_request
    from genctl.api.evaluation.request import EvalRequest

    call: Context = ctx.obj
    use_threads(threads)
    request = EvalRequest(
        metric=metric,
        subject=subject,
        ref=ref,
        n=n,
        extractor=extractor,
        extractor_weights=weights,
        protocol=protocol,
        precision=precision,
        require=require or (),
        strict=strict,
        out=out,
        checkpoint=checkpoint,
        weights=model_weights,
        seed=seed,
        batch_size=batch_size,
        context=context,
        device=device,
    )
    found = evaluate_request(request, call.output)
    bare = "\n".join(f"{score.value:.6g}" for score in found.scores)
    call.output.result(found.to_json(), describe(found), bare=bare)


def describe(found: Evaluation) -> str:
    """An evaluation as a person reads it."""
    return _describe_one(found) if len(found.scores) == 1 else _describe_several(found)


def _describe_one(found: Evaluation) -> str:
    score = found.score
    lines = [
        str(score),
        f"  error      {score.error_kind}",
        f"  signature  {score.signature}",
        *(f"  {label:<9}  {text}" for label, text in found.facts.items()),
    ]
    if better := _better(score):
        lines.append(f"  better     {better}")
    if found.real:
        lines.append(f"  real       {found.real}, of {found.real.n_generated} real images")
    return "\n".join([*lines, *_remarks(found)])


def _describe_several(found: Evaluation) -> str:
    """A table of values, beside them those of real images; then what goes for all of them."""
    baselines = found.baselines
    rows = [
        (s.name, *_shown(s), *(_shown(baselines.get(s.name)) if baselines else ()), _better(s))
        for s in found.scores
    ]
    header = ("", "value", "error", *(("real images", "error") if baselines else ()), "better")
    lines = [table(rows, header), ""]
    facts = dict(found.facts)
    counts = {score.n_generated for score in found.scores}
    if len(counts) == 1:
        facts["n"] = f"{counts.pop()} generated {found.words[1]}"
    if baselines:
        facts["real"] = f"the same of {next(iter(baselines.values())).n_generated} real images"
    lines += [f"  {label:<9}  {text}" for label, text in facts.items()]
    return "\n".join([*lines, *_remarks(found)])


def _remarks(found: Evaluation) -> list[str]:
    """Why something is not there, the page, and warnings."""
    without: dict[str, list[str]] = {}
    for name, reason in found.absent.items():
        without.setdefault(reason, []).append(name)
    lines = [
        f"  baseline   none of {', '.join(names)}: {reason}" for reason, names in without.items()
    ]
    lines += [f"  left out   {name}: {reason}" for name, reason in found.left_out.items()]
    if found.page:
        lines.append(f"  page       {found.page}")
    return [*lines, *(f"  warning    {warning}" for warning in found.warnings)]


def _better(score: Score) -> str:
    """Which values are better; empty where neither are."""
    if score.higher_is_better is None:
        return ""
    return "higher" if score.higher_is_better else "lower"


def _shown(score: Score | None) -> tuple[str, str]:
    return (f"{score.value:.4g}", f"± {score.error:.2g}") if score else ("", "")
