"""Checks the inputs that metrics of images need, before any image is generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.evaluation.extractors.base import Classifier, Extractor
from genctl.evaluation.extractors.choose import CLASSIFIERS
from genctl.evaluation.features import Features
from genctl.evaluation.reference import Reference
from genctl.evaluation.statistics_file import SINGLE_IMAGES, Summary, has_no_images
from genctl.registry import Metric, MetricSpec

_PROVIDED = frozenset({"samples", "features", "reference", "model"})
"""The inputs that every evaluation of images has, or refuses to start without."""


@dataclass(frozen=True)
class Available:
    """The available inputs of an evaluation.

    Attributes:
        extractor: the extractor of the features.
        statistics: the name of the file of statistics that replaces real images; otherwise empty.
        labelled: whether real images have classes.
        held_out: whether there are real images outside the reference.
    """

    extractor: Extractor
    statistics: str = ""
    labelled: bool = True
    held_out: bool = True


def require(
    metrics: Sequence[Metric],
    extractor: Extractor,
    reference: Reference | Summary | None,
    held_out: Features | None,
) -> None:
    """Refuse metrics that cannot be computed, before any image is generated.

    Raises:
        GenctlError: (USAGE) an input that a metric needs is missing.
    """
    known = reference.features if isinstance(reference, Reference) else None
    available = Available(
        extractor,
        reference.name if isinstance(reference, Summary) else "",
        known is None or known.labels is not None,
        held_out is not None,
    )
    for metric in metrics:
        if error := missing(metric.spec, available):
            raise error


def missing(spec: MetricSpec, available: Available) -> GenctlError | None:
    """The error for the first missing input of a metric."""
    needs = spec.needs
    if "classifier" in needs and not isinstance(available.extractor, Classifier):
        return _no_classifier(spec.name, available.extractor)
    if available.statistics and needs & SINGLE_IMAGES:
        return has_no_images(available.statistics)
    if "classes" in needs and not available.labelled:
        return GenctlError(
            ExitStatus.USAGE,
            f"{spec.name} needs classes, and the reference has none",
            hint="put the images of each class into a sub-folder of its own",
            option="metric",
        )
    if "held_out" in needs and not available.held_out:
        return GenctlError(
            ExitStatus.USAGE,
            f"{spec.name} needs held-out images, and the reference has none",
            hint="put some into a folder test/ beside train/",
            option="metric",
        )
    known = _PROVIDED | SINGLE_IMAGES | {"classifier"}
    if unknown := sorted(needs - known):
        return GenctlError(
            ExitStatus.USAGE,
            f"{spec.name} needs {unknown[0]}, which images do not have",
            option="metric",
        )
    return None


def too_few(spec: MetricSpec, counts: Mapping[str, int]) -> str:
    """Why there are too few examples for a metric; empty if there are enough.

    Args:
        counts: the numbers of ``samples``, real ``images``, and ``classes`` that both sides have.
    """
    for what, least in spec.least.items():
        if what == "class":
            if counts["samples"] <= (least - 1) * counts["classes"]:
                return f"fewer than {least} samples of a class"
        elif counts.get(what, least) < least:
            return f"{counts[what]} {what}, and it needs {least}"
    return ""


def classifier_of(extractor: Extractor, metric: str) -> Classifier:
    """``extractor`` as a classifier, for a metric that needs one.

    Args:
        metric: the name of the metric.

    Raises:
        GenctlError: (USAGE) it is not a classifier.
    """
    if isinstance(extractor, Classifier):
        return extractor
    raise _no_classifier(metric, extractor)


def _no_classifier(metric: str, extractor: Extractor) -> GenctlError:
    return GenctlError(
        ExitStatus.USAGE,
        f"{metric} needs a classifier, and the {extractor.name} extractor has none",
        option="extractor",
        suggest=tuple(Suggestion("", {"extractor": n}, why) for n, why in CLASSIFIERS.items()),
    )
