"""What a reader must know before quoting a value."""

from __future__ import annotations

from collections.abc import Iterator

from genctl.evaluation.extractors.base import Classifier, Extractor
from genctl.evaluation.features import Features
from genctl.evaluation.inception_score import SPLITS
from genctl.evaluation.reference import Reference
from genctl.evaluation.score import short_sha
from genctl.evaluation.summary import Summary

PAPERS_COUNT = 50_000
"""Samples that papers report FID and IS with (Heusel et al. 2017; Salimans et al. 2016)."""


def comparison_cautions(
    extractor: Extractor, generated: Features, reference: Reference | Summary
) -> tuple[str, ...]:
    """Warnings for whatever compares generated images with real ones."""

    def cautions() -> Iterator[str]:
        yield from _weights(extractor)
        yield from _pixels("generated", generated)
        if isinstance(reference, Summary):
            return  # it says nothing of pixels
        yield from _pixels("reference", reference.features)
        if generated.shapes != reference.features.shapes:
            yield (
                f"generated images are {_shape(generated)}, reference images "
                f"{_shape(reference.features)}: both were resized to "
                f"{extractor.size}x{extractor.size}"
            )

    return tuple(cautions())


def frechet_cautions(
    extractor: Extractor, generated: Features, reference: Reference | Summary
) -> tuple[str, ...]:
    """Warnings for a Fréchet distance."""

    def cautions() -> Iterator[str]:
        yield from comparison_cautions(extractor, generated, reference)
        for kind, count in ("generated", generated.count), ("reference", reference.count):
            if count is not None and count <= extractor.dim:
                yield (
                    f"{count:,} {kind} images cannot fill {extractor.dim:,} features: the distance "
                    "is far above what more images would give; kid has no such bias"
                )
        if extractor.origin == "canonical" and generated.count < PAPERS_COUNT:
            yield (
                f"papers report FID with {PAPERS_COUNT:,} samples; with {generated.count:,} it is "
                "higher"
            )

    return tuple(cautions())


def inception_cautions(
    extractor: Classifier, generated: Features, *, classes: int
) -> tuple[str, ...]:
    """Warnings for an Inception Score."""

    def cautions() -> Iterator[str]:
        yield from _weights(extractor)
        yield from _pixels("generated", generated)
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

    return tuple(cautions())


def _weights(extractor: Extractor) -> Iterator[str]:
    if extractor.origin == "custom":
        yield (
            f"the weights {short_sha(extractor.sha256)} are not the published ones: "
            "comparable only with values made with the same file"
        )


def _pixels(kind: str, features: Features) -> Iterator[str]:
    if any(channels == 4 for channels, _, _ in features.shapes):
        yield f"the alpha channel of the {kind} images was dropped"
    if len(features.shapes) > 1:
        yield f"the {kind} images have {len(features.shapes)} different shapes"


def _shape(features: Features) -> str:
    """Height, width and channels of the images, or of one of them where they differ."""
    channels, height, width = min(features.shapes)
    return f"{height}x{width}x{channels}"
