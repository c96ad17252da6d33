"""Images in, `Score` out: ``fid`` and ``is`` with any extractor."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.cache import cache_path, read_features, write_features
from genctl.evaluation.cautions import frechet_cautions, inception_cautions
from genctl.evaluation.extractors.base import Classifier, Extractor
from genctl.evaluation.extractors.pixels import channels_first
from genctl.evaluation.features import Features, Images, extract
from genctl.evaluation.frechet import Gaussian, frechet_of
from genctl.evaluation.inception_score import SPLITS, inception_score
from genctl.evaluation.score import Metric, Score, metric_name, short_sha, signature


@dataclass(frozen=True)
class Reference:
    """Real images as an extractor sees them; made once, compared with any number of times.

    Attributes:
        name: of the images, for people, as ``digits.train``.
        sha256: of their content.
        extractor: what made the features, and makes those to compare with them.
        features: one row an image.
        seconds: what making or reading them took.
    """

    name: str
    sha256: str
    extractor: Extractor
    features: Features
    seconds: float

    @cached_property
    def gaussian(self) -> Gaussian:
        """The normal distribution with the features' moments."""
        return Gaussian.fit(self.features.values)


def make_reference(
    images: Images, extractor: Extractor, *, name: str, sha256: str, cache: Path | None = None
) -> Reference:
    """Extract the reference's features, or read them from the cache.

    Args:
        images: real images, uint8 batches of any length; not touched when the cache has them.
        extractor: what to see them with.
        name: of the images, for people; it becomes part of signatures.
        sha256: of the images' content, on which the cache relies.
        cache: a folder for features; None keeps none.

    Raises:
        GenctlError: as `extract`; (DATA) fewer than two images.
    """
    start = time.perf_counter()
    path = cache_path(cache, extractor, sha256) if cache else None
    features = read_features(path) if path else None
    if features is None:
        features = extract(extractor, images)
        if path:
            # A cache that cannot be written costs time later, not this result.
            with contextlib.suppress(GenctlError):
                write_features(path, features)
    _require_two(features, "reference")
    return Reference(name, sha256, extractor, features, time.perf_counter() - start)


def evaluate_images(
    metric: Metric, generated: Images, extractor: Extractor, reference: Reference | None = None
) -> Score:
    """Score generated images in one pass over them.

    Args:
        metric: ``fid`` (any Fréchet distance; the score's name says which) or ``is``.
        generated: uint8 batches of any length, ``(B, C, H, W)`` or ``(B, H, W, C)``.
        extractor: what to see them with; of `reference`, too.
        reference: what ``fid`` compares them with; ``is`` needs none.

    Raises:
        GenctlError: as `extract`; (USAGE) ``is`` with an extractor that has no classifier, or
            too few images; (DATA) fewer than two images.
    """
    if metric == "is":
        return _inception_score(generated, _classifier(extractor))
    if reference is None or reference.extractor is not extractor:
        raise ValueError("fid needs a reference that was made with the same extractor")
    return _frechet_score(generated, reference)


def real_floor(held_out: Images, reference: Reference, *, count: int) -> Score:
    """Where real images stand: the distance of ``count`` held-out ones from the reference.

    A perfect generator would come out about here, and not at 0, because a distance between finite
    samples is biased upwards; so ``count`` should be the number of generated images.

    Args:
        held_out: real images that are not in the reference.
        reference: what they are compared with.
        count: at most how many to take.

    Raises:
        GenctlError: as `evaluate_images`.
    """
    return _frechet_score(_first(count, held_out), reference)


def _frechet_score(images: Images, reference: Reference) -> Score:
    extractor = reference.extractor
    generated = extract(extractor, images)
    _require_two(generated, "generated")
    start = time.perf_counter()
    result = frechet_of(generated.values, reference.gaussian)
    seconds = time.perf_counter() - start
    counts = generated.count, reference.features.count
    return Score(
        name=metric_name("fid", extractor),
        value=result.distance,
        error=result.error,
        error_kind="standard error over generated samples (infinitesimal jackknife)",
        n_generated=counts[0],
        n_reference=counts[1],
        signature=signature(
            "fid",
            extractor,
            n=f"{counts[0]}/{counts[1]}",
            ref=f"{reference.name}@{short_sha(reference.sha256)}",
            sqrt="svd",
        ),
        warnings=frechet_cautions(extractor, generated, reference.features),
        seconds=_stages(generated, reference=reference.seconds, metric=seconds),
        details={"mean_term": result.mean_term, "covariance_term": result.covariance_term},
    )


def _inception_score(images: Images, extractor: Classifier) -> Score:
    generated = extract(extractor, images)
    start = time.perf_counter()
    logits = extractor.logits(generated.values).cpu()
    result = inception_score(logits)
    seconds = time.perf_counter() - start
    return Score(
        name=metric_name("is", extractor),
        value=result.mean,
        error=result.deviation,
        error_kind=f"standard deviation over {SPLITS} splits",
        n_generated=generated.count,
        n_reference=None,
        signature=signature("is", extractor, n=generated.count, splits=SPLITS),
        warnings=inception_cautions(extractor, generated, classes=logits.shape[1]),
        seconds=_stages(generated, metric=seconds),
        details={"highest_possible": float(logits.shape[1])},
    )


def _classifier(extractor: Extractor) -> Classifier:
    if isinstance(extractor, Classifier):
        return extractor
    raise GenctlError(
        ExitStatus.USAGE,
        f"`is` needs a classifier, and the {extractor.name} extractor has none",
        hint="--extractor digits for digits, or --extractor inception with its weights",
    )


def _require_two(features: Features, kind: str) -> None:
    if features.count < 2:
        raise GenctlError(
            ExitStatus.DATA, f"a Fréchet distance needs at least 2 {kind} images, not 1"
        )


def _first(count: int, images: Images) -> Images:
    for batch in map(channels_first, images):
        if count <= 0:
            return
        yield batch[:count]
        count -= len(batch)


def _stages(features: Features, **others: float) -> dict[str, float]:
    return {
        "images": features.waiting_seconds,
        "features": features.extracting_seconds,
        **others,
    }
