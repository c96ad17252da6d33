"""The input and output of a scorer: an output kind's own (target ``score``) or the common one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genctl.api.evaluation.request import EvalRequest
from genctl.api.models.model import Model
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.page import Page
from genctl.evaluation.score import Score
from genctl.registry import METRICS, OUTPUT_KINDS, Metric, OutputKind, all_metrics, metrics_of
from genctl.runs import Run


@dataclass(frozen=True)
class Task:
    """An evaluation whose subject and metrics are known.

    Attributes:
        request: the request of the user.
        subject: what is scored: a model or samples.
        kind: the kind of output that is scored.
        metrics: the metrics, in the order in which they are shown.
        lenient: leave out metrics that cannot be computed, instead of raising an error.
    """

    request: EvalRequest
    subject: Any
    kind: OutputKind
    metrics: Sequence[Metric]
    lenient: bool


@dataclass(frozen=True)
class Scored:
    """Scores, and what they were computed from.

    Attributes:
        scores: the scores, in the order of the metrics.
        reason: why the extractor was chosen, or which data was used.
        facts: what a reader should know besides the numbers: label -> text.
        run: the run that generated the samples; None if they come from elsewhere.
        page: renders the page, without `absent` and `left_out`.
        baselines: the same metrics of real examples.
        absent: name of a score -> why it has no baseline, as a `GenctlError.template`.
        left_out: name of a metric -> why it is skipped, as a `GenctlError.template`.
    """

    scores: Sequence[Score]
    reason: str
    facts: Mapping[str, str]
    run: Path | None
    page: Callable[[], Page]
    baselines: Sequence[Score] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def plan(request: EvalRequest, wanted: Sequence[Metric] | None, subject: Any) -> Task:
    """Choose the kind of output and its metrics.

    Args:
        wanted: the metrics that were named; None for all.
        subject: a loaded model, or samples.

    Raises:
        GenctlError: (USAGE) the metrics score different kinds of output, or another kind than that
            of the subject.
    """
    kind = _kind(wanted, subject)
    metrics = all_metrics(kind.name) if wanted is None else wanted
    return Task(request, subject, kind, sorted(metrics, key=_order(kind)), wanted is None)


def run_of(subject: Any) -> Path | None:
    """The run that a model comes from; None if the subject is an export or samples."""
    if not isinstance(subject, Model):
        return None
    return subject.origin if Run(subject.origin).checkpoints.is_dir() else None


def _kind(wanted: Sequence[Metric] | None, subject: Any) -> OutputKind:
    if wanted is None:
        possible = set(OUTPUT_KINDS.names())
    else:
        possible = set(wanted[0].spec.of).intersection(*(metric.spec.of for metric in wanted))
        if not possible:
            each = ", ".join(f"{m.name} scores {' and '.join(sorted(m.spec.of))}" for m in wanted)
            raise GenctlError(
                ExitStatus.USAGE,
                f"these metrics score different things: {each}",
                hint="score each kind separately",
                option="metric",
            )
    if isinstance(subject, Model):
        return _of_model(wanted, subject, possible)
    kinds = [kind for kind in OUTPUT_KINDS.all() if kind.name in possible]
    reading = [k for k in kinds if "read" in k.targets and _suffix(subject) in k.suffixes]
    found = [*reading, *(kind for kind in kinds if "score" in kind.targets), *kinds]
    return found[0] if found else OUTPUT_KINDS.get(min(possible))


def _of_model(wanted: Sequence[Metric] | None, model: Model, possible: set[str]) -> OutputKind:
    kind = model.output
    if kind is None:
        raise GenctlError(ExitStatus.USAGE, f"{model.origin} generates nothing that can be scored")
    if kind.name in possible:
        return kind
    known = ", ".join(name for spec in metrics_of(kind.name) for name in spec.names)
    named = ", ".join(metric.name for metric in wanted or ())
    raise GenctlError(
        ExitStatus.USAGE,
        f"{model.origin} generates {model.makes}, and {named} scores "
        f"{' and '.join(sorted(possible))}",
        hint=f"the metrics of {kind.name} are {known or 'none'}",
        option="metric",
    )


def _suffix(subject: Any) -> str:
    return Path(subject).suffix.lower() if isinstance(subject, str | Path) else "\0"


def _order(kind: OutputKind) -> Callable[[Metric], tuple[int, ...]]:
    """The kind's default metrics first, then the others in the order of the registry."""
    names = [*kind.default_metrics, *METRICS.names()]

    def place(metric: Metric) -> tuple[int, ...]:
        spec = metric.spec
        choices = [*spec.choices, metric.parameter]
        return names.index(spec.name), choices.index(metric.parameter)

    return place
