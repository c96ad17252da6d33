"""Images in, `Score` out: any metrics with any extractor, in one pass."""

from __future__ import annotations

from collections.abc import Sequence

from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.extractors.pixels import channels_first
from genctl.evaluation.features import Features, Images, extract
from genctl.evaluation.measures import Seen, measure, require
from genctl.evaluation.reference import Reference, require_two
from genctl.evaluation.score import Metric, Score
from genctl.evaluation.summary import Summary


def evaluate_images(
    metrics: Sequence[Metric],
    generated: Images,
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
    require(metrics, extractor, reference, held_out)
    features = extract(extractor, generated)
    require_two(features, "generated")
    seen = Seen(extractor, features, reference, held_out)
    return [score for metric in metrics for score in measure(metric, seen)]


def see_held_out(images: Images, reference: Reference, *, count: int) -> Features:
    """``count`` held-out images, or all if they are fewer, as the reference was seen.

    Raises:
        GenctlError: as `extract`; (DATA) fewer than two images.
    """
    features = extract(reference.extractor, _first(count, images))
    require_two(features, "held-out")
    return features


def real_floor(metrics: Sequence[Metric], held_out: Features, reference: Reference) -> list[Score]:
    """Where real images stand: held-out ones against the reference.

    A perfect generator would come out about here, and a distance not at 0, because that between
    finite samples is biased upwards; so there should be as many as there are generated images.

    Args:
        metrics: as in `evaluate_images`; ``memorisation`` has no floor but 1.
        held_out: real images that are not in the reference.
        reference: what they are compared with.
    """
    seen = Seen(reference.extractor, held_out, reference)
    wanted = [metric for metric in metrics if metric != "memorisation"]
    return [score for metric in wanted for score in measure(metric, seen)]


def _first(count: int, images: Images) -> Images:
    for batch in map(channels_first, images):
        if count <= 0:
            return
        yield batch[:count]
        count -= len(batch)
