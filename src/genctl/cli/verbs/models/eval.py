"""``genctl eval``: scores a model, an export or files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genctl import registry
from genctl.cli import completion, options
from genctl.cli.context import Context
from genctl.cli.errors import CommandLine
from genctl.cli.options import (
    BatchSize,
    Checkpoint,
    Device,
    EvalPrecision,
    Extractor,
    ExtractorWeights,
    Protocol,
    Threads,
    WeightsOfModel,
    use_threads,
)
from genctl.cli.typer_ext import MORE, Command
from genctl.cli.views.help_page import Section
from genctl.cli.views.tables import table
from genctl.errors import escaped
from genctl.wording import number

if TYPE_CHECKING:
    from genctl.api.evaluation.evaluate import Evaluation
    from genctl.evaluation.score import Score

_WEIGHTS_FILES = (".pth", ".pt", ".safetensors")


class EvalCommand(Command):
    """``eval``; its help lists the available metrics."""

    def sections(self, ctx: Any, *, everything: bool) -> list[Section]:
        parameter: Any
        for parameter in self.params:
            if parameter.name == "metric":
                parameter.help = metrics_help()
        return [
            *super().sections(ctx, everything=everything),
            *(metric_sections() if everything else ()),
        ]


def metrics_help() -> str:
    """The help text that lists the metrics of each kind of output."""
    named = {
        kind.name: ", ".join(map(_typed, registry.metrics_of(kind.name)))
        for kind in registry.OUTPUT_KINDS.all()
    }
    parts = [f"For {kind}: {metrics}." for kind, metrics in named.items() if metrics]
    return f"{' '.join(parts)} Several: fid,kid. All applicable metrics: all."


def metric_sections() -> list[Section]:
    """The metrics of each kind of output, with one line per metric."""
    return [
        Section(
            f"Metrics of {kind.name}",
            [(_typed(spec), spec.summary) for spec in registry.metrics_of(kind.name)],
        )
        for kind in registry.OUTPUT_KINDS.all()
        if registry.metrics_of(kind.name)
    ]


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
            "or module:callable. Default: the latest run.",
            autocompletion=completion.run_names,
        ),
    ] = None,
    ref: Annotated[
        str | None,
        typer.Option(
            "--ref",
            metavar="SOURCE",
            help="Reference data. Default: the model's own data.",
            autocompletion=completion.sources,
        ),
    ] = None,
    n: Annotated[int | None, options.number("2000, 200 texts, or all of a folder or text")] = None,
    extractor: Extractor = None,
    protocol: Protocol = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="NAME",
            help="Fail unless the score qualifies for NAME, e.g. fid.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail if there is a warning.")] = False,
    out: Annotated[Path | None, options.out("eval.json and eval.html", "DIR")] = None,
    weights: WeightsOfModel = "best",
    checkpoint: Checkpoint = "best",
    extractor_weights: ExtractorWeights = None,
    precision: EvalPrecision = None,
    seed: Annotated[int, options.seed(MORE)] = 1,
    batch_size: BatchSize = 250,
    context: Annotated[
        int | None,
        typer.Option(
            "--context",
            metavar="N",
            help="Tokens in a window, for bpb. Default: the model's context.",
            rich_help_panel=MORE,
        ),
    ] = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Score a model, an export or files.

    The names fid, is and kid require the verified Inception weights.

    Notes:
        all computes every metric that the data allow and writes eval.json and eval.html into the
        run. fd:EXTRACTOR and kd:EXTRACTOR are the distances in the features of the named
        extractor; fd[EXTRACTOR] is the same.

        The reference is the model's training data, and for text its held-out part. The extractor is
        the data's own if there is one. Otherwise it is Inception if its weights are found, and a
        network with random weights if not.
        `--require` and `--strict` fail with status 3.

        `--precision fp32` is the default (auto); bf16 is checked against fp32 on the first 256
        images. Images of a folder are chosen at random, the same ones each time. Under torchrun the
        processes share the work.

        JSON: scores, each with name, value, error, error_kind, n_generated, n_reference,
        signature, warnings, seconds, details, higher_is_better (null: neither), facts, groups (the
        splits or windows that the error comes from; null: none), error_is_deviation, real (the
        score of the same number of real images) and real_absent (why there is none); reason (why
        this extractor was chosen), and left_out (why all skipped a metric). eval.json is the same
        document.
    """
    from genctl.api.evaluation import evaluate as scoring
    from genctl.api.evaluation.request import EvalRequest

    call: Context = ctx.obj
    use_threads(threads)
    if extractor_weights is None and _is_file(weights):
        extractor_weights, weights = Path(weights), "best"
    request = EvalRequest(
        metric=metric,
        subject=subject,
        ref=ref,
        n=n,
        extractor=extractor,
        extractor_weights=extractor_weights,
        protocol=protocol,
        precision=precision or "auto",
        require=require or (),
        strict=strict,
        out=out,
        checkpoint=checkpoint,
        weights=weights,
        seed=seed,
        batch_size=batch_size,
        context=context,
        device=device,
    )
    found = scoring.evaluate(request, call.output, CommandLine(["eval"]))
    bare = "\n".join(f"{score.value:.6g}" for score in found.scores)
    call.output.result(found.to_json(), describe(found), bare=bare)


def _is_file(weights: str) -> bool:
    """Whether ``--weights`` means a file of Inception weights, as in older versions of genctl.

    The names of a model's weights mean these, also where a file has such a name.
    """
    if weights in completion.WEIGHTS:
        return False
    path = Path(weights)
    return path.is_file() or len(path.parts) > 1 or path.suffix in _WEIGHTS_FILES


def describe(found: Evaluation) -> str:
    """An evaluation as text."""
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
    """A table of the values and those of real images, then the facts that all values share."""
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
        facts["real"] = (
            f"the same scores of {next(iter(baselines.values())).n_generated} real images"
        )
    lines += [f"  {label:<9}  {text}" for label, text in facts.items()]
    return "\n".join([*lines, *_remarks(found)])


def _remarks(found: Evaluation) -> list[str]:
    """The reasons for absent baselines and metrics, the page, and the warnings."""
    without: dict[str, list[str]] = {}
    for name, reason in found.absent.items():
        without.setdefault(reason, []).append(name)
    lines = [f"  baseline   not for {', '.join(names)}: {why}" for why, names in without.items()]
    lines += [f"  left out   {name}: {reason}" for name, reason in found.left_out.items()]
    if found.page:
        lines.append(f"  page       {found.page}")
    lines += [f"  warning    {warning}" for warning in found.warnings]
    return [escaped(line) for line in lines]


def _better(score: Score) -> str:
    """Which values are better; empty if neither."""
    if score.higher_is_better is None:
        return ""
    return "higher" if score.higher_is_better else "lower"


def _shown(score: Score | None) -> tuple[str, str]:
    return (number(score.value), f"± {number(score.error, '.2g')}") if score else ("", "")
