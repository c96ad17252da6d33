"""The features of real images, as the reference of an evaluation."""

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
    """The features of real images; computed once, for any number of comparisons.

    Attributes:
        name: the name of the images, such as ``digits.train``.
        sha256: the checksum of their content.
        extractor: the extractor of these features, and of the features to compare with them.
        features: one row per image.
        seconds: the time of computing or reading them.
        cached: the file of the cached features; None without a cache.
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
        """The normal distribution with the features' moments; cached if it took long to fit."""
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
        images: real images, uint8 batches of any length; not read if the cache has the features.
        extractor: the extractor.
        name: the name of the images; it becomes part of signatures.
        sha256: the checksum of the images' content, which is the key of the cache.
        cache: a folder for features; None for no cache.
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
    """Write the cache; an error costs time later, but not this result."""
    with contextlib.suppress(GenctlError):
        write()


def require_two(features: Features, kind: str) -> None:
    """Refuse a single image, which has no variance.

    Args:
        kind: the kind of images, for the message.
    """
    if features.count < 2:
        raise GenctlError(
            ExitStatus.DATA,
            f"a comparison needs at least 2 {kind} images, and there is 1",
            hint="add images",
        )
