"""Images in, `Score` out: any metrics with any extractor, in one pass."""

from __future__ import annotations

from collections.abc import Sequence

from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.extractors.pixels import channels_first
from genctl.evaluation.features import Images, extract
from genctl.evaluation.measures import Seen, measure
from genctl.evaluation.reference import Reference, require_two
from genctl.evaluation.score import Metric, Score
from genctl.evaluation.summary import Summary


def evaluate_images(
    metrics: Sequence[Metric],
    generated: Images,
    extractor: Extractor,
    reference: Reference | Summary | None = None,
) -> list[Score]:
    """Score generated images in one pass over them.

    Args:
        metrics: what to compute; each gives one score, ``prdc`` four.
        generated: uint8 batches of any length, ``(B, C, H, W)`` or ``(B, H, W, C)``.
        extractor: what to see them with; of `reference`, too.
        reference: what they are compared with; ``is`` needs none.

    Raises:
        GenctlError: as `extract`; (USAGE) ``is`` with an extractor that has no classifier, or
            too few images; (DATA) fewer than two images.
    """
    features = extract(extractor, generated)
    require_two(features, "generated")
    seen = Seen(extractor, features, reference)
    return [score for metric in metrics for score in measure(metric, seen)]


def real_floor(
    metrics: Sequence[Metric], held_out: Images, reference: Reference, *, count: int
) -> list[Score]:
    """Where real images stand: ``count`` held-out ones against the reference.

    A perfect generator would come out about here, and a distance not at 0, because that between
    finite samples is biased upwards; so ``count`` should be the number of generated images.

    Args:
        metrics: as in `evaluate_images`.
        held_out: real images that are not in the reference.
        reference: what they are compared with.
        count: at most how many to take.

    Raises:
        GenctlError: as `evaluate_images`.
    """
    return evaluate_images(metrics, _first(count, held_out), reference.extractor, reference)


def _first(count: int, images: Images) -> Images:
    for batch in map(channels_first, images):
        if count <= 0:
            return
        yield batch[:count]
        count -= len(batch)
