"""Scores of images: each extractor sees both sides once, and every metric is computed from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genctl.api.evaluation.image_sides import Group, Sides, compares, open_sides
from genctl.api.evaluation.sample_scoring import nothing_left
from genctl.api.evaluation.sharing import see_together
from genctl.api.evaluation.task import Scored, Task, run_of
from genctl.api.pages.eval_page import ImageView, image_page
from genctl.data.images.stream import ImageStream, evenly_spaced
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.errors import GenctlError
from genctl.evaluation.compute import measure
from genctl.evaluation.evaluate import real_baseline
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features, extract
from genctl.evaluation.image_inputs import EvalInputs
from genctl.evaluation.image_needs import require
from genctl.evaluation.reference import Reference, make_reference, require_two
from genctl.evaluation.score import Score
from genctl.evaluation.statistics_file import Summary, read_summary
from genctl.files import cache_folder
from genctl.output import Output
from genctl.registry import Metric

_NO_HELD_OUT = "the reference has no held-out images"


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
    sides = world.run_on_all_ranks(lambda: open_sides(task, output))
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
    shown = [
        (seen, [(m, found.scores[m.name]) for m in group.metrics if m.name in found.scores])
        for group, seen in zip(sides.groups, views, strict=True)
    ]
    return Scored(
        scores=scores,
        reason=reason,
        facts={"extractor": reason},
        run=run_of(task.subject),
        page=lambda: image_page(
            ImageView(shown, sides.generated, sides.real, reason), scores, found.baselines
        ),
        baselines=list(found.baselines.values()),
        absent=found.absent,
        left_out=found.left_out,
    )


def _measure(group: Group, seen: EvalInputs, lenient: bool, found: _Found) -> None:
    """Add the scores of one extractor's metrics and their baselines to ``found``."""
    for metric in group.metrics:
        try:
            found.scores[metric.name] = measure(metric, seen)
        except GenctlError as error:
            if not lenient:
                raise
            found.left_out[metric.name] = error.template
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
    return _alone([metric for metric in metrics if not compares(metric)], reference)


def _alone(
    metrics: Sequence[Metric], reference: Reference
) -> tuple[Sequence[Score], dict[str, str]]:
    """The scores of the reference itself, and why there are none."""
    seen = EvalInputs(reference.extractor, reference.features)
    scores: list[Score] = []
    absent: dict[str, str] = {}
    for metric in metrics:
        try:
            scores += measure(metric, seen)
        except GenctlError as error:
            absent[metric.name] = error.template
    return scores, absent


def _reasons(groups: Sequence[Group]) -> list[str]:
    """Each extractor, and why it was chosen."""
    choices = [group.choice for group in groups]
    return [f"{choice.extractor.name} ({choice.reason})" for choice in choices]


def _known(
    sides: Sides, group: Group, output: Output
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
