"""Real images as an extractor sees them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genctl.data.images.stream import ImagePass
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.cache import (
    cache_path,
    gaussian_path,
    read_features,
    read_gaussian,
    write_features,
    write_gaussian,
)
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features, Images, extract
from genctl.evaluation.measures.frechet import Gaussian


@dataclass(frozen=True)
class Reference:
    """Real images as an extractor sees them; made once, compared with any number of times.

    Attributes:
        name: of the images, for people, as ``digits.train``.
        sha256: of their content.
        extractor: what made the features, and makes those to compare with them.
        features: one row an image.
        seconds: what making or reading them took.
        cached: where the features are kept; None keeps nothing.
    """

    name: str
    sha256: str
    extractor: Extractor
    features: Features
    seconds: float
    cached: Path | None = None

    @property
    def count(self) -> int:
        """The number of images."""
        return self.features.count

    @cached_property
    def gaussian(self) -> Gaussian:
        """The normal distribution with the features' moments; kept where it took long to fit."""
        slow = self.count > self.extractor.dim
        path = gaussian_path(self.cached) if self.cached and slow else None
        found = read_gaussian(path) if path else None
        if found is not None:
            return found
        fitted = Gaussian.fit(self.features.values)
        if path:
            _try_to_keep(lambda: write_gaussian(path, fitted))
        return fitted


def make_reference(
    images: Images | ImagePass,
    extractor: Extractor,
    *,
    name: str,
    sha256: str,
    cache: Path | None = None,
    labels: NDArray[np.int64] | None = None,
    class_names: tuple[str, ...] = (),
) -> Reference:
    """Extract the reference's features, or read them from the cache.

    Args:
        images: real images, uint8 batches of any length; not touched when the cache has them.
        extractor: what to see them with.
        name: of the images, for people; it becomes part of signatures.
        sha256: of the images' content, on which the cache relies.
        cache: a folder for features; None keeps none.
        labels, class_names: the images' classes.

    Raises:
        GenctlError: as `extract`; (DATA) fewer than two images.
    """
    start = time.perf_counter()
    path = cache_path(cache, extractor, sha256) if cache else None
    features = read_features(path) if path else None
    if features is None:
        features = found = extract(extractor, images)
        if path:
            _try_to_keep(lambda: write_features(path, found))
    require_two(features, "reference")
    features = features.labelled(labels, class_names)
    return Reference(name, sha256, extractor, features, time.perf_counter() - start, path)


def _try_to_keep(write: Callable[[], None]) -> None:
    """A cache that cannot be written costs time later, not this result."""
    with contextlib.suppress(GenctlError):
        write()


def require_two(features: Features, kind: str) -> None:
    """Refuse a single image, which has no spread.

    Args:
        kind: of images, for the message.
    """
    if features.count < 2:
        raise GenctlError(
            ExitStatus.DATA,
            f"a comparison needs at least 2 {kind} images, and there is 1",
            hint="add images",
        )
