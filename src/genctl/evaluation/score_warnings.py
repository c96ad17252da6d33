"""The warnings of scores: what a reader must know before quoting a value."""

from __future__ import annotations

from collections.abc import Iterator

from genctl.evaluation.extractors.base import Classifier, Extractor
from genctl.evaluation.extractors.fast import AUDITED, FastExtractor
from genctl.evaluation.features import Features
from genctl.evaluation.measures.inception_score import SPLITS
from genctl.evaluation.reference import Reference
from genctl.evaluation.score import short_sha
from genctl.evaluation.statistics_file import Summary

PAPERS_COUNT = 50_000
"""The number of samples for FID and IS in papers (Heusel et al. 2017; Salimans et al. 2016)."""


def comparison_warnings(
    extractor: Extractor, generated: Features, reference: Reference | Summary
) -> tuple[str, ...]:
    """Warnings for every comparison of generated images with real ones."""

    def warnings() -> Iterator[str]:
        yield from _network(extractor)
        yield from _pixels("generated", generated)
        yield from _copies(generated)
        if isinstance(reference, Summary):
            if reference.unchecked:
                yield reference.unchecked
            return  # it has no information about pixels
        yield from _pixels("reference", reference.features)
        if generated.shapes != reference.features.shapes and extractor.size:
            yield (
                f"generated images are {_shape(generated)}, reference images "
                f"{_shape(reference.features)}: both were resized to "
                f"{extractor.size}x{extractor.size}"
            )

    return tuple(warnings())


def frechet_warnings(
    extractor: Extractor, generated: Features, reference: Reference | Summary, *, baseline: bool
) -> tuple[str, ...]:
    """Warnings for a Fréchet distance.

    Args:
        baseline: whether there is a score of the same numbers of real images.
    """

    def warnings() -> Iterator[str]:
        yield from comparison_warnings(extractor, generated, reference)
        for kind, count in ("generated", generated.count), ("reference", reference.count):
            if count is not None and count <= extractor.dim:
                yield (
                    f"{count:,} {kind} images are not more than the {extractor.dim:,} features: "
                    "the distance is far above that of more images; kid has no such bias"
                )
        if reference.count not in (None, generated.count) and not baseline:
            yield (
                f"{generated.count:,} generated against {reference.count:,} real images: a "
                "distance is comparable only at the same numbers of both"
            )
        if extractor.origin == "canonical" and generated.count < PAPERS_COUNT:
            yield (
                f"papers report FID with {PAPERS_COUNT:,} samples; with {generated.count:,} it is "
                "higher"
            )

    return tuple(warnings())


def inception_warnings(
    extractor: Classifier, generated: Features, *, classes: int
) -> tuple[str, ...]:
    """Warnings for an Inception Score."""

    def warnings() -> Iterator[str]:
        yield from _network(extractor)
        yield from _pixels("generated", generated)
        yield from _copies(generated)
        if _in_class_order(generated):
            yield (
                "the images come in the order of their classes: tools that do not shuffle give a "
                "far lower score than this one"
            )
        if generated.count // SPLITS < classes:
            yield (
                f"{generated.count:,} images in {SPLITS} splits cannot show {classes:,} classes: "
                "the score is lower than more images would give"
            )
        if extractor.origin == "canonical" and generated.count < PAPERS_COUNT:
            yield (
                f"papers report the Inception Score with {PAPERS_COUNT:,} samples; with "
                f"{generated.count:,} it is lower"
            )

    return tuple(warnings())


def _network(extractor: Extractor) -> Iterator[str]:
    if extractor.origin == "custom":
        yield (
            f"the weights {short_sha(extractor.sha256)} are not the published ones: "
            "comparable only with values computed with the same file"
        )
    if isinstance(extractor, FastExtractor):
        yield (
            f"computed in bfloat16: of the first {AUDITED} images the features lie "
            f"{extractor.audit:.2g} (Fréchet distance) from those in float32"
        )


def _pixels(kind: str, features: Features) -> Iterator[str]:
    if any(channels == 4 for channels, _, _ in features.shapes):
        yield f"the alpha channel of the {kind} images was dropped"
    if len(features.shapes) > 1:
        yield f"the {kind} images have {len(features.shapes)} different shapes"
    yield from (f"the {kind} images {remark}" for remark in features.remarks)


def _copies(generated: Features) -> Iterator[str]:
    if generated.repeated:
        yield (
            f"{generated.repeated:,} of {generated.count:,} generated images are exact copies of "
            "others among them"
        )


def _in_class_order(features: Features) -> bool:
    labels = features.labels
    if labels is None or len(labels.unique()) < 2:
        return False
    return bool((labels.diff() >= 0).all())


def _shape(features: Features) -> str:
    """Height, width and channels of the images, or of one of them if they differ."""
    channels, height, width = min(features.shapes)
    return f"{height}x{width}x{channels}"
