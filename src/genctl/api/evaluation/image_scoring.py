"""Scores of images: each extractor sees both sides once, and every metric is computed from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genctl.api.evaluation.sample_scoring import nothing_left
from genctl.api.evaluation.sharing import see_together
from genctl.api.evaluation.streams import ModelStream, open_reference, open_subject
from genctl.api.evaluation.task import Scored, Task, run_of
from genctl.api.pages.eval_page import ImageView, image_page
from genctl.data.images.stream import ImageStream, evenly_spaced
from genctl.engine.devices import resolve_device
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.compute import measure
from genctl.evaluation.evaluate import real_baseline
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.extractors.choose import ExtractorChoice, ExtractorRequest, choose_extractor
from genctl.evaluation.extractors.inception.weights import find_weights, missing_weights
from genctl.evaluation.features import Features, extract
from genctl.evaluation.image_inputs import EvalInputs
from genctl.evaluation.image_needs import Available, missing, require, too_few
from genctl.evaluation.reference import Reference, make_reference, require_two
from genctl.evaluation.score import Score, metric_name
from genctl.evaluation.statistics_file import Summary, is_summary, read_summary
from genctl.files import cache_folder
from genctl.output import Output
from genctl.registry import Metric

_NO_HELD_OUT = "the reference has no held-out images"


@dataclass(frozen=True)
class _Group:
    """The metrics of one extractor."""

    choice: ExtractorChoice
    metrics: Sequence[Metric]


@dataclass(frozen=True)
class _Sides:
    """Generated and real images, before features are extracted."""

    generated: ImageStream
    rows: Sequence[int]
    real: ImageStream | None
    summary: Path | None
    groups: Sequence[_Group]
    left_out: dict[str, str]


@dataclass
class _Found:
    """The results of all metrics."""

    scores: dict[str, list[Score]]
    baselines: dict[str, Score]
    absent: dict[str, str]
    left_out: dict[str, str]


def score_images(task: Task, world: ProcessGroup, output: Output) -> Scored:
    """Extract features of both sides and compute the metrics.

    Args:
        world: the processes that share the work; only rank 0 computes metrics.

    Raises:
        GenctlError: as `genctl.evaluate`.
        WorkerExit: in every process but rank 0, when its part is done.
    """
    sides = world.run_on_all_ranks(lambda: _open(task, output))
    known = world.run_on_all_ranks(
        lambda: [_known(sides, group, output) for group in sides.groups] if world.is_main else []
    )
    extractors = [group.choice.extractor for group in sides.groups]
    features = see_together(world, extractors, sides.generated, sides.rows, output)
    require_two(features[0], "generated")
    views = [
        EvalInputs(extractor, generated, *real)
        for extractor, generated, real in zip(extractors, features, known, strict=True)
    ]
    found = _Found({}, {}, {}, dict(sides.left_out))
    for group, seen in zip(sides.groups, views, strict=True):
        _measure(group, seen, task.lenient, found)
    scores = [score for metric in task.metrics for score in found.scores.get(metric.name, [])]
    if not scores:
        raise nothing_left(task, found.left_out)
    reason = "; ".join(_reasons(sides.groups))
    return Scored(
        scores=scores,
        reason=reason,
        facts={"extractor": reason},
        run=run_of(task.subject),
        page=lambda: image_page(
            ImageView(
                [
                    (
                        seen,
                        [
                            (m, found.scores[m.name])
                            for m in group.metrics
                            if m.name in found.scores
                        ],
                    )
                    for group, seen in zip(sides.groups, views, strict=True)
                ],
                sides.generated,
                sides.real,
                reason,
            ),
            scores,
            found.baselines,
            found.absent,
            found.left_out,
        ),
        baselines=list(found.baselines.values()),
        absent=found.absent,
        left_out=found.left_out,
    )


def _measure(group: _Group, seen: EvalInputs, lenient: bool, found: _Found) -> None:
    """Add the scores of one extractor's metrics and their baselines to ``found``."""
    for metric in group.metrics:
        try:
            found.scores[metric.name] = measure(metric, seen)
        except GenctlError as error:
            if not lenient:
                raise
            found.left_out[metric.name] = error.message
    measured = [metric for metric in group.metrics if metric.name in found.scores]
    baselines, absent = _baselines(measured, seen)
    found.baselines |= {baseline.name: baseline for baseline in baselines}
    for metric in measured:
        for score in found.scores[metric.name]:
            if score.name not in found.baselines:
                found.absent[score.name] = absent.get(metric.name, _NO_HELD_OUT)


def _baselines(
    metrics: Sequence[Metric], seen: EvalInputs
) -> tuple[Sequence[Score], dict[str, str]]:
    """The baselines from real images, and why some metrics have none."""
    reference = seen.reference
    if isinstance(reference, Summary):
        return [], dict.fromkeys((m.name for m in metrics), "statistics have no held-out images")
    if reference is None:
        return [], dict.fromkeys((metric.name for metric in metrics), "there are no real images")
    if seen.held_out is not None:
        scores, absent = real_baseline(metrics, seen.held_out, reference)
        return scores, dict(absent)
    alone = EvalInputs(seen.extractor, reference.features)
    without = [metric for metric in metrics if not _compares(metric)]
    return [score for metric in without for score in measure(metric, alone)], {}


def _compares(metric: Metric) -> bool:
    """Whether the metric needs real images."""
    return bool(metric.spec.needs & {"reference", "images"})


def _reasons(groups: Sequence[_Group]) -> list[str]:
    """Each extractor, and why it was chosen."""
    choices = [group.choice for group in groups]
    return [f"{choice.extractor.name} ({choice.reason})" for choice in choices]


def _open(task: Task, output: Output) -> _Sides:
    request = task.request
    generated = open_subject(task.subject, request.n, request, output)
    summary = _summary_path(request.ref)
    real = None if summary else _real(task, generated, output)
    rows = evenly_spaced(generated.count, request.n or generated.count)
    left_out: dict[str, str] = {}
    groups = []
    for parameter in dict.fromkeys(_extractor(metric) for metric in task.metrics):
        metrics = [metric for metric in task.metrics if _extractor(metric) == parameter]
        choice = _choose(task, parameter, metrics, generated, real)
        _require_names(request.require, choice.extractor)
        if task.lenient:
            for metric in metrics:
                reason = _why_not(metric, choice.extractor, generated, real, len(rows))
                if reason:
                    left_out[metric.name] = reason
            metrics = [metric for metric in metrics if metric.name not in left_out]
        groups.append(_Group(choice, metrics))
    return _Sides(generated, rows, real, summary, groups, left_out)


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


def _known(
    sides: _Sides, group: _Group, output: Output
) -> tuple[Reference | Summary | None, Features | None]:
    """The reference and the held-out images; refuses metrics that need more than these."""
    reference: Reference | Summary | None = None
    held_out = None
    extractor = group.choice.extractor
    if sides.summary:
        reference = read_summary(sides.summary, extractor)
    elif sides.real is not None:
        reference, held_out = _see_real(sides.real, extractor, len(sides.rows), output)
    require(group.metrics, extractor, reference, held_out)
    return reference, held_out


def _summary_path(ref: object) -> Path | None:
    if not isinstance(ref, str | Path):
        return None
    path = Path(ref).expanduser()
    return path if is_summary(path) else None


def _real(task: Task, generated: ImageStream, output: Output) -> ImageStream | None:
    """The real images; None if nothing needs them."""
    needed = any(_compares(metric) for metric in task.metrics)
    if not needed and task.request.ref is None and not isinstance(generated, ModelStream):
        return None
    return open_reference(task.request.ref, generated, task.request, output)


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
    count: int,
) -> str:
    """Why the extractor or the images are not enough for a metric; empty if they are."""
    available = Available(
        extractor,
        statistics="" if real else "the reference",
        held_out=real is not None and real.held_out() is not None,
    )
    if error := missing(metric.spec, available):
        return error.message
    common = set(generated.class_names).intersection(real.class_names if real else ())
    counts = {"samples": count, "classes": len(common)}
    return too_few(metric.spec, {**counts, "images": real.count} if real else counts)


def _see_real(
    real: ImageStream, extractor: Extractor, count: int, output: Output
) -> tuple[Reference, Features | None]:
    """The reference, and as many held-out images as there are generated ones."""
    reading = real.read(range(real.count))
    reading.batches = output.track(reading.batches, real.count, real.verb)
    reference = make_reference(
        reading,
        extractor,
        name=f"{real.name}.{real.split}",
        sha256=real.fingerprint,
        cache=cache_folder() if real.lasting else None,
        labels=real.labels,
        class_names=real.class_names,
    )
    unseen = real.held_out()
    if unseen is None:
        return reference, None
    found = extract(extractor, unseen.read(evenly_spaced(unseen.count, count)))
    return reference, found.labelled(unseen.labels, unseen.class_names)
