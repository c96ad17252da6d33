"""What an evaluation of images reads: generated and real images, and the extractors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genctl.api.evaluation.sample_scoring import nothing_left
from genctl.api.evaluation.streams import ModelStream, open_reference, open_subject
from genctl.api.evaluation.task import Task
from genctl.data.images.stream import ImageStream, evenly_spaced
from genctl.engine.devices import resolve_device
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.extractors.choose import ExtractorChoice, ExtractorRequest, choose_extractor
from genctl.evaluation.extractors.inception.weights import find_weights, missing_weights
from genctl.evaluation.image_needs import Available, missing, too_few
from genctl.evaluation.score import metric_name
from genctl.evaluation.statistics_file import SINGLE_IMAGES, is_summary
from genctl.files import typed_path
from genctl.output import Output
from genctl.registry import Metric


@dataclass(frozen=True)
class Group:
    """The metrics of one extractor."""

    choice: ExtractorChoice
    metrics: Sequence[Metric]


@dataclass(frozen=True)
class Sides:
    """Generated and real images, before features are extracted."""

    generated: ImageStream
    rows: Sequence[int]
    real: ImageStream | None
    summary: Path | None
    groups: Sequence[Group]
    left_out: dict[str, str]


def open_sides(task: Task, output: Output) -> Sides:
    """Open both sides, and choose the extractors and the metrics that can be computed.

    Raises:
        GenctlError: as `genctl.evaluate`; no metric can be computed.
    """
    request = task.request
    generated = open_subject(task.subject, request.n, request, output)
    summary = _summary_path(request.ref)
    real, unknown = (None, None) if summary else _real(task, generated, output)
    rows = evenly_spaced(generated.count, request.n or generated.count)
    left_out: dict[str, str] = {}
    groups = []
    for parameter in dict.fromkeys(_extractor(metric) for metric in task.metrics):
        metrics = [metric for metric in task.metrics if _extractor(metric) == parameter]
        choice = _choose(task, parameter, metrics, generated, real)
        _require_names(request.require, choice.extractor)
        if task.lenient:
            for metric in metrics:
                if unknown and compares(metric):
                    left_out[metric.name] = unknown.template
                elif why := _why_not(metric, choice.extractor, generated, real, summary, len(rows)):
                    left_out[metric.name] = why
        kept = [metric for metric in metrics if metric.name not in left_out]
        groups.append(Group(choice, kept))
    if not any(group.metrics for group in groups):
        raise unknown or nothing_left(task, left_out)
    return Sides(generated, rows, real, summary, groups, left_out)


def _real(
    task: Task, generated: ImageStream, output: Output
) -> tuple[ImageStream | None, GenctlError | None]:
    """The real images; None if nothing needs them, or if they are unknown, and then the error.

    Raises:
        GenctlError: they cannot be read, unless other metrics can do without.
    """
    request = task.request
    needed = any(compares(metric) for metric in task.metrics)
    if not needed and request.ref is None and not isinstance(generated, ModelStream):
        return None, None
    try:
        return open_reference(request.ref, generated, request, output), None
    except GenctlError as error:
        if request.ref is not None or not task.lenient:
            raise
        return None, error


def _summary_path(ref: object) -> Path | None:
    if not isinstance(ref, str | Path):
        return None
    path = typed_path(ref)
    return path if is_summary(path) else None


def _extractor(metric: Metric) -> str:
    """The extractor that a metric names; empty for the default one."""
    return metric.parameter if "features" in metric.spec.needs else ""


def _choose(
    task: Task,
    named: str,
    metrics: Sequence[Metric],
    generated: ImageStream,
    real: ImageStream | None,
) -> ExtractorChoice:
    request = task.request
    wish = ExtractorRequest(
        request.extractor,
        request.extractor_weights,
        request.protocol,
        request.precision,
        resolve_device(request.device),
    )
    if named and named != request.extractor:
        of_inception = named == "inception" and request.extractor is None
        kept = wish if of_inception else replace(wish, weights=None, protocol=None)
        return choose_extractor(replace(kept, name=named))
    return choose_extractor(
        wish,
        data_extractor=generated.extractor or (real.extractor if real else "") or None,
        classifier=not task.lenient and any("classifier" in m.spec.needs for m in metrics),
    )


def _require_names(names: Sequence[str], extractor: Extractor) -> None:
    """Refuse to continue if the scores would not qualify for a required name.

    Raises:
        GenctlError: (DATA) the weights that the name stands for are missing, or not in use.
    """
    for name in names:
        own = metric_name(name, extractor)
        if own == name:
            continue
        search = find_weights()
        if search.path is None:
            raise missing_weights(search)
        raise GenctlError(
            ExitStatus.DATA,
            f"{name} means the published Inception weights, but this score would be {own}",
            option="extractor",
            suggest="inception",
        )


def _why_not(
    metric: Metric,
    extractor: Extractor,
    generated: ImageStream,
    real: ImageStream | None,
    summary: Path | None,
    count: int,
) -> str:
    """Why the extractor or the images are not enough for a metric; empty if they are.

    Args:
        summary: the file of statistics that replaces ``real``, if one does.
        count: the number of generated images.
    """
    available = Available(
        extractor,
        statistics=summary.stem if summary else "",
        held_out=real is not None and real.held_out() is not None,
    )
    if error := missing(metric.spec, available):
        return error.template
    common = set(generated.class_names).intersection(real.class_names if real else ())
    counts = {"samples": count, "classes": len(common)}
    return too_few(metric.spec, {**counts, "images": real.count} if real else counts)


def compares(metric: Metric) -> bool:
    """Whether the metric needs real images."""
    return bool(metric.spec.needs & ({"reference"} | SINGLE_IMAGES))
