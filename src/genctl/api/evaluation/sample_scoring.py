"""Scores of kinds of output without their own scorer: of samples, or of a model and its data."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path
from typing import Any

import numpy as np

from genctl.api.evaluation.task import Scored, Task, run_of
from genctl.api.models.model import Model, open_model
from genctl.engine.parallel.process_group import ProcessGroup, WorkerExit
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.compute import measure
from genctl.evaluation.inputs import SampleInputs
from genctl.evaluation.page import Page
from genctl.evaluation.score import Score, warnings_of
from genctl.files import typed_path
from genctl.output import Output
from genctl.outputs.base import SampleRequest

_OF_DATA = frozenset({"reference", "held_out", "token_losses"})


def score_samples(task: Task, world: ProcessGroup, output: Output) -> Scored:
    """Compute the metrics on rank 0.

    Raises:
        GenctlError: as `genctl.evaluate`.
        WorkerExit: in every process but rank 0.
    """
    if not world.is_main:
        raise WorkerExit(0)
    inputs = _inputs(task, output)
    scores: list[Score] = []
    charts: dict[str, str] = {}
    left_out: dict[str, str] = {}
    of_data = False
    for metric in task.metrics:
        error = inputs.missing(metric.spec)
        try:
            if error:
                raise error
            found = measure(metric, inputs)
        except GenctlError as reason:
            if not task.lenient:
                raise
            left_out[metric.name] = reason.template
            continue
        scores += found
        of_data |= bool(metric.spec.needs & _OF_DATA)
        if draw := metric.spec.load_chart():
            charts |= {f"{s.name}: {c}": svg for s in found for c, svg in [draw(s, None, inputs)]}
    if not scores:
        raise nothing_left(task, left_out)
    facts = {label: text for score in scores for label, text in score.facts.items()}
    page = Page(
        title=f"Evaluation of {inputs.name}",
        facts=facts,
        scores=scores,
        baselines={},
        warnings=warnings_of(scores),
        charts=charts,
    )
    return Scored(
        scores=scores,
        reason=inputs.about_data if of_data else f"samples of {inputs.name}",
        facts=facts,
        run=run_of(task.subject),
        page=lambda: page,
        left_out=left_out,
    )


def nothing_left(task: Task, left_out: dict[str, str]) -> GenctlError:
    """The error if no metric can be computed.

    Args:
        left_out: name of a metric -> why, as a `GenctlError.template`.
    """
    reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
    return GenctlError(
        ExitStatus.USAGE,
        f"no metric of {task.kind.name} can be computed: {reasons or 'there is none'}",
    )


def _inputs(task: Task, output: Output) -> SampleInputs:
    request, subject, kind = task.request, task.subject, task.kind
    ref = request.ref
    if not isinstance(ref, str | Path | None):
        raise GenctlError(
            ExitStatus.USAGE, f"{task.metrics[0].name} takes a path or a name as reference"
        )
    choice: dict[str, Any] = {
        "n": request.n,
        "ref": None if ref is None else str(ref),
        "context": request.context,
        "kind": kind.name,
    }
    if isinstance(subject, Model):
        model = subject

        def generate(count: int) -> Sized:
            size = min(count, request.batch_size)
            return model.generate(SampleRequest(count, seed=request.seed, batch_size=size), output)

        can = "generate" in kind.targets
        return SampleInputs(
            model.origin.name, model=model, generate=generate if can else None, **choice
        )
    name, samples = _given(task, output)
    return SampleInputs(name, generate=lambda count: samples, **choice)


def _given(task: Task, output: Output) -> tuple[str, Sized]:
    """Samples that were generated before, from a file or from memory."""
    subject, kind = task.subject, task.kind
    if isinstance(subject, str | Path):
        path = typed_path(subject)
        if not path.is_file():
            open_model(str(subject), output=output)  # raises an error if it does not exist
        if "read" in kind.targets:
            return path.name, kind.load("read")(path)
    elif not isinstance(subject, np.ndarray) and hasattr(subject, "to_json"):
        return "the samples", subject
    raise GenctlError(
        ExitStatus.USAGE,
        f"{task.metrics[0].name} needs a model that generates {kind.name}, or samples of one",
        option="subject",
    )
