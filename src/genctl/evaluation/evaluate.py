"""Computes the `Score` of images by any metrics with any extractor, in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genctl.data.images.stream import ImagePass
from genctl.errors import GenctlError
from genctl.evaluation.compute import measure, named
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features, Images, extract
from genctl.evaluation.image_inputs import EvalInputs
from genctl.evaluation.image_needs import require
from genctl.evaluation.reference import Reference, require_two
from genctl.evaluation.score import Score
from genctl.evaluation.statistics_file import Summary
from genctl.registry import Metric


class Baselines(NamedTuple):
    """The scores of real images.

    Attributes:
        scores: the scores of held-out real images against the reference.
        absent: name of a metric -> why it has no baseline, as a `GenctlError.template`.
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
        metrics: what to compute; a metric of several parts, such as ``prdc``, gives several scores.
        generated: uint8 batches of any length, ``(B, C, H, W)`` or ``(B, H, W, C)``.
        extractor: computes their features; `reference` must have the same one.
        reference: the real images to compare with; ``is`` needs none.
        held_out: features of real images that are not in the reference; ``memorisation`` needs
            them.

    Raises:
        GenctlError: as `extract`; (USAGE) ``is`` with an extractor that has no classifier, too few
            images, or a missing input of a metric; (DATA) fewer than two images.
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
    """The scores of held-out real images against the reference, where they can be computed.

    A perfect generator would score about the same. Its distance would not be 0, because a distance
    between finite samples is biased upwards. So there should be as many held-out images as
    generated ones.

    Args:
        metrics: as in `evaluate_images`; one that needs held-out images itself has no baseline.
        held_out: features of real images that are not in the reference, by the same extractor.
        reference: the real images to compare with.
    """
    seen = EvalInputs(reference.extractor, held_out, reference, held_out)
    scores: list[Score] = []
    absent: dict[str, str] = {}
    for metric in named(metrics):
        if "held_out" in metric.spec.needs:
            absent[metric.name] = "it uses the held-out images itself"
            continue
        try:
            require_two(held_out, "held-out")
            scores += measure(metric, seen)
        except GenctlError as error:
            absent[metric.name] = f"with {held_out.count:,} held-out images: {error.template}"
    return Baselines(scores, absent)
