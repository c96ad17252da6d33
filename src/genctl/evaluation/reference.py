"""Real images as an extractor sees them."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.cache import cache_path, read_features, write_features
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features, Images, extract
from genctl.evaluation.frechet import Gaussian


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

    @property
    def count(self) -> int:
        """The number of images."""
        return self.features.count

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
    require_two(features, "reference")
    return Reference(name, sha256, extractor, features, time.perf_counter() - start)


def require_two(features: Features, kind: str) -> None:
    """Refuse a single image, which has no spread.

    Args:
        kind: of images, for the message.
    """
    if features.count < 2:
        raise GenctlError(ExitStatus.DATA, f"a comparison needs at least 2 {kind} images, not 1")
