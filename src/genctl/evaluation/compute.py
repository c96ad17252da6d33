"""The metrics of images: from what an extractor sees to `Score`, all from one pass over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.eval_inputs import EvalInputs
from genctl.evaluation.extractors.base import Classifier, Extractor
from genctl.evaluation.features import Features
from genctl.evaluation.measures.frechet import frechet_of
from genctl.evaluation.measures.inception_score import SPLITS, inception_score
from genctl.evaluation.measures.infinity import POINTS, extrapolate
from genctl.evaluation.measures.intervals import RESAMPLES
from genctl.evaluation.measures.kernel_distance import (
    SUBSET_SIZE,
    kernel_distance,
    subset_distance,
)
from genctl.evaluation.measures.memorisation import memorisation
from genctl.evaluation.measures.neighbours import (
    DENSITY_K,
    PRECISION_K,
    density_coverage,
    precision_recall,
)
from genctl.evaluation.measures.per_class import mean_of, per_class
from genctl.evaluation.reference import Reference
from genctl.evaluation.score import Metric, Score, metric_name, signature
from genctl.evaluation.score_warnings import frechet_warnings, inception_warnings
from genctl.evaluation.statistics_file import Summary

NEEDS_IMAGES: tuple[Metric, ...] = ("kid", "prdc", "per-class", "memorisation")
"""What cannot be told from the statistics of real images alone."""

_WILSON: Mapping[str, str] = {"ci": "wilson"}
"""The field of signatures whose errors are those of shares."""


def measure(metric: Metric, seen: EvalInputs) -> list[Score]:
    """The scores that ``metric`` stands for: of ``prdc`` four, of ``per-class`` two, else one.

    Raises:
        GenctlError: (USAGE) ``is`` with an extractor that has no classifier, or too few images.
    """
    start = time.perf_counter()
    scores = _MEASURES[metric](seen)
    seconds = time.perf_counter() - start
    return [replace(s, seconds={**s.seconds, "metric": seconds}) for s in scores]


def require(
    metrics: Sequence[Metric],
    extractor: Extractor,
    reference: Reference | Summary | None,
    held_out: Features | None,
) -> None:
    """Refuse what cannot be measured, before any image is made.

    Raises:
        GenctlError: (USAGE) ``is`` with an extractor that has no classifier, ``memorisation``
            without held-out images, ``per-class`` without classes, or a metric that needs more
            than statistics.
    """
    if "is" in metrics:
        classifier_of(extractor)
    if isinstance(reference, Summary) and set(metrics) & set(NEEDS_IMAGES):
        raise reference.has_no_images()
    known = reference.features if isinstance(reference, Reference) else None
    if "per-class" in metrics and known is not None and known.labels is None:
        raise GenctlError(
            ExitStatus.USAGE,
            "per-class needs classes, and the reference has none",
            hint="a sub-folder for each class",
        )
    if "memorisation" in metrics and held_out is None:
        raise GenctlError(
            ExitStatus.USAGE,
            "memorisation compares with held-out images, and the reference has none",
            hint="put some into a folder test/ beside train/",
        )


def classifier_of(extractor: Extractor) -> Classifier:
    """``extractor``, which ``is`` needs to be a classifier.

    Raises:
        GenctlError: (USAGE) it is none.
    """
    if isinstance(extractor, Classifier):
        return extractor
    raise GenctlError(
        ExitStatus.USAGE,
        f"`is` needs a classifier, and the {extractor.name} extractor has none",
        hint="--extractor digits for digits, or --extractor inception with its weights",
    )


def _frechet(seen: EvalInputs) -> list[Score]:
    found = frechet_of(seen.generated.values, seen.real.gaussian)
    score = seen.compared("fid", found.distance, found.error, sqrt="svd")
    return [
        replace(
            score,
            error_kind="standard error over generated samples (infinitesimal jackknife)",
            warnings=frechet_warnings(
                seen.extractor, seen.generated, seen.real, baseline=seen.held_out is not None
            ),
            details={"mean_term": found.mean_term, "covariance_term": found.covariance_term},
        )
    ]


def _infinity(seen: EvalInputs) -> list[Score]:
    found = extrapolate(seen.generated.values, seen.real.gaussian)
    score = seen.compared("fid-infinity", found.limit, found.error, points=POINTS, sqrt="svd")
    at = {f"at_{n}": value for n, value in zip(found.counts, found.distances, strict=True)}
    return [
        replace(
            score,
            error_kind="standard error over generated samples (jackknife, and the line's own)",
            details={"slope": found.slope, **at},
        )
    ]


def _kernel(seen: EvalInputs) -> list[Score]:
    generated, real = seen.generated.values, seen.real.features.values
    found = kernel_distance(generated, real)
    score = seen.compared("kid", found.value, found.error, k="(x.y/d+1)^3", est="u")
    if min(len(generated), len(real)) < SUBSET_SIZE:
        return [score]
    usual = subset_distance(generated, real)
    details = {"subset_mean": usual.mean, "subset_deviation": usual.deviation}
    return [replace(score, details=details)]


def _neighbours(seen: EvalInputs) -> list[Score]:
    generated, real = seen.generated.values, seen.real.features.values
    close = precision_recall(generated, real)
    crowd = density_coverage(generated, real)
    parts = [
        ("precision", close.precision, PRECISION_K, "<=", "generated", _WILSON),
        ("recall", close.recall, PRECISION_K, "<=", "reference", _WILSON),
        ("density", crowd.density, DENSITY_K, "<", "generated", {}),
        ("coverage", crowd.coverage, DENSITY_K, "<", "reference", _WILSON),
    ]
    return [
        replace(
            seen.compared(name, found.value, found.error, k=k, ties=ties, **interval),
            error_kind=f"standard error over {over} images{' (Wilson)' if interval else ''}, "
            "neighbourhoods held fixed",
        )
        for name, found, k, ties, over, interval in parts
    ]


def _per_class(seen: EvalInputs) -> list[Score]:
    real = seen.real.features
    found = per_class(seen.generated, real)
    if not found:
        raise GenctlError(
            ExitStatus.DATA,
            f"no class has more than {PRECISION_K} generated and {PRECISION_K} real images",
            hint="a larger --n, or leave per-class out",
        )
    missing = [name for name in real.class_names if name not in {score.name for score in found}]
    left_out = (f"too few images of the classes {', '.join(missing[:10])}: left out",)
    distance = mean_of([score.distance for score in found])
    recall = mean_of([score.recall for score in found])
    return [
        replace(
            score,
            warnings=score.warnings + (left_out if missing else ()),
            details=details,
        )
        for score, details in (
            (
                seen.compared("fid-per-class", *distance, classes=len(found), sqrt="svd"),
                {score.name: score.distance.value for score in found},
            ),
            (
                seen.compared(
                    "recall-per-class",
                    recall.value,
                    recall.error,
                    classes=len(found),
                    k=PRECISION_K,
                    ties="<=",
                    **_WILSON,
                ),
                {score.name: score.recall.value for score in found},
            ),
        )
    ]


def _memorisation(seen: EvalInputs) -> list[Score]:
    usual = seen.nearest_of_held_out.distances
    found = memorisation(seen.nearest_real.distances, usual)
    same = np.isin(seen.generated.digests.numpy(), seen.real.features.digests.numpy())
    return [
        replace(
            seen.compared(
                "memorisation", found.ratio, found.error, held=len(usual), boot=RESAMPLES
            ),
            error_kind=f"standard error over generated samples (bootstrap, {RESAMPLES} resamples)",
            details={
                "copies": found.copies,
                "copies_low": found.copies_interval.low,
                "copies_high": found.copies_interval.high,
                "pixel_copies": int(same.sum()),
                "close": found.close,
                "close_low": found.close_interval.low,
                "close_high": found.close_interval.high,
            },
        )
    ]


def _inception(seen: EvalInputs) -> list[Score]:
    extractor, generated = classifier_of(seen.extractor), seen.generated
    logits = extractor.logits(generated.values).cpu()
    found = inception_score(logits)
    return [
        Score(
            name=metric_name("is", extractor),
            value=found.mean,
            error=found.deviation,
            error_kind=f"standard deviation over {SPLITS} splits",
            n_generated=generated.count,
            n_reference=None,
            signature=signature("is", extractor, n=generated.count, splits=SPLITS),
            warnings=inception_warnings(extractor, generated, classes=logits.shape[1]),
            seconds=seen.stages,
            details={"highest_possible": float(logits.shape[1])},
        )
    ]


_MEASURES: Mapping[Metric, Callable[[EvalInputs], list[Score]]] = {
    "fid": _frechet,
    "is": _inception,
    "kid": _kernel,
    "prdc": _neighbours,
    "fid-infinity": _infinity,
    "per-class": _per_class,
    "memorisation": _memorisation,
}
