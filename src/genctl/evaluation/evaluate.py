"""Images in, `Score` out: any metrics with any extractor, in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genctl.data.images.stream import ImagePass
from genctl.errors import GenctlError
from genctl.evaluation.compute import measure, named
from genctl.evaluation.eval_inputs import EvalInputs
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features, Images, extract
from genctl.evaluation.image_needs import require
from genctl.evaluation.reference import Reference, require_two
from genctl.evaluation.score import Score
from genctl.evaluation.statistics_file import Summary
from genctl.registry import Metric


class Baselines(NamedTuple):
    """Where real images stand.

    Attributes:
        scores: of held-out real images against the reference.
        absent: name of a metric -> why it has none.
    """

    scores: list[Score]
    absent: Mapping[str, str]


def evaluate_images(
    metrics: Sequence[Metric | str],
    generated: Images | ImagePass,
    extractor: Extractor,
    reference: Reference | Summary | None = None,
    held_out: Features | None = None,
) -> list[Score]:
    """Score generated images in one pass over them.

    Args:
        metrics: what to compute; each gives one score, ``prdc`` four.
        generated: uint8 batches of any length, ``(B, C, H, W)`` or ``(B, H, W, C)``.
        extractor: what to see them with; of `reference`, too.
        reference: what they are compared with; ``is`` needs none.
        held_out: real images that are not in the reference, as the extractor sees them;
            ``memorisation`` needs them.

    Raises:
        GenctlError: as `extract`; (USAGE) ``is`` with an extractor that has no classifier, too few
            images, or what a metric needs is missing; (DATA) fewer than two images.
    """
    require(named(metrics), extractor, reference, held_out)
    seen = EvalInputs(extractor, extract(extractor, generated), reference, held_out)
    return measure_all(metrics, seen)


def measure_all(metrics: Sequence[Metric | str], seen: EvalInputs) -> list[Score]:
    """The scores of all ``metrics``, in their order.

    Raises:
        GenctlError: (DATA) fewer than two generated images; as `measure`.
    """
    require_two(seen.generated, "generated")
    return [score for metric in metrics for score in measure(metric, seen)]


def real_baseline(
    metrics: Sequence[Metric | str], held_out: Features, reference: Reference
) -> Baselines:
    """Where real images stand: held-out ones against the reference, as far as that can be told.

    A perfect generator would come out about here, and a distance not at 0, because that between
    finite samples is biased upwards; so there should be as many as there are generated images.

    Args:
        metrics: as in `evaluate_images`; one that needs held-out images itself has no baseline.
        held_out: real images that are not in the reference, as the same extractor sees them.
        reference: what they are compared with.
    """
    seen = EvalInputs(reference.extractor, held_out, reference, held_out)
    scores: list[Score] = []
    absent: dict[str, str] = {}
    for metric in named(metrics):
        if "held_out" in metric.spec.needs:
            absent[metric.name] = "held-out images are what it compares with"
            continue
        try:
            require_two(held_out, "held-out")
            scores += measure(metric, seen)
        except GenctlError as error:
            absent[metric.name] = f"too few held-out images ({held_out.count:,}): {error.message}"
    return Baselines(scores, absent)
