"""Statistics of real images: the ``.npz`` files that FID tools exchange.

The files contain ``mu`` and ``sigma`` in the format of Heusel et al. 2017 (arXiv:1706.08500), which
pytorch-fid, clean-fid and EDM read and write. Older files name them ``m`` and ``s``. genctl adds
``n`` and ``extractor``, which the other tools ignore.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genctl.data.images.sources.archive import array_names, arrays_in
from genctl.data.images.sources.zip_file import DamagedError, reading
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features
from genctl.evaluation.measures.frechet import FeatureStats, Gaussian
from genctl.evaluation.score import short_sha
from genctl.registry import METRICS
from genctl.staging import staged_file
from genctl.weights import sha256_of

_NAMES = (("mu", "sigma"), ("m", "s"))
_IMAGES = "arr_0"
SINGLE_IMAGES = frozenset({"images", "classes", "held_out"})
"""What metrics need of real images that statistics do not contain."""


@dataclass(frozen=True)
class Summary:
    """A replacement for `Reference` without images.

    Attributes:
        name: the name of the file.
        sha256: the checksum of its content.
        extractor: the extractor of the statistics, as recorded or assumed.
        gaussian: the normal distribution that they describe.
        count: the number of images; None if the file does not record it.
        seconds: the time of reading the file.
        unchecked: why it is unknown that the statistics are those of ``extractor``; empty if the
            file records it.
    """

    name: str
    sha256: str
    extractor: Extractor
    gaussian: Gaussian
    count: int | None
    seconds: float
    unchecked: str = ""

    @property
    def features(self) -> Features:
        """Refuse, because there are no images.

        Raises:
            GenctlError: (USAGE) always.
        """
        raise has_no_images(self.name)


def has_no_images(name: str) -> GenctlError:
    """The error for a metric that needs real images when there are only statistics.

    Args:
        name: the name of the file.
    """
    known = {"features", "reference"}
    enough = [s.name for s in METRICS.all() if known <= s.needs and not s.needs & SINGLE_IMAGES]
    return GenctlError(
        ExitStatus.USAGE,
        f"{name} contains statistics and no images, which is enough for {', '.join(enough)} only",
        option="ref",
        suggest=(
            Suggestion("eval", args=("fid",)),
            Suggestion("", {"ref": Placeholder("FOLDER")}),
        ),
    )


def is_summary(path: Path) -> bool:
    """Whether ``path`` is an ``.npz`` of statistics; if it also contains images, it is not."""
    try:
        names = set(array_names(path))
    except DamagedError:
        return False
    return _IMAGES not in names and any(names.issuperset(pair) for pair in _NAMES)


def read_summary(path: Path, extractor: Extractor) -> Summary:
    """The statistics in ``path``, which must be those of the features of ``extractor``.

    Raises:
        GenctlError: (DATA) damaged, of other features, or without statistics.
    """
    start = time.perf_counter()
    mean, covariance, count, made_with = _read(path)
    if mean.shape != (extractor.dim,) or covariance.shape != (extractor.dim, extractor.dim):
        raise _refusal(
            path,
            f"they have {mean.size:,} features, and {extractor.name} has {extractor.dim:,}",
        )
    own = _tag(extractor)
    if made_with not in ("", own):
        raise _refusal(path, f"they were made with {made_with}, not with {own}")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise _refusal(path, "some of their numbers are not finite")
    gaussian = Gaussian.of_moments(torch.from_numpy(mean), torch.from_numpy(covariance))
    seconds = time.perf_counter() - start
    unchecked = "" if made_with else _unchecked(path, extractor)
    return Summary(path.stem, sha256_of(path), extractor, gaussian, count, seconds, unchecked)


def write_summary(path: Path, features: Features, extractor: Extractor) -> None:
    """Write the statistics of ``features`` to ``path`` atomically.

    Raises:
        GenctlError: the disk is full, or the folder is not writable.
    """
    stats = FeatureStats.of(features.values)
    arrays = {
        "mu": stats.mean.numpy(),
        "sigma": (stats.scatter / (stats.count - 1)).numpy(),
        "n": np.int64(stats.count),
        "extractor": np.str_(_tag(extractor)),
    }
    with staged_file(path) as stage, stage.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _tag(extractor: Extractor) -> str:
    return f"{extractor.name}:{short_sha(extractor.sha256)}:{extractor.protocol}"


def _read(path: Path) -> tuple[Any, Any, int | None, str]:
    try:
        present = array_names(path)
        names = next((pair for pair in _NAMES if set(pair) <= set(present)), None)
        if names is None:
            raise _refusal(path, f"it has {', '.join(present) or 'nothing'}")
        more = [name for name in ("n", "extractor") if name in present]
        found = arrays_in(path, [*names, *more])
        with reading():  # the file may contain numbers of any type, and texts
            mean, covariance = (found[name].astype(np.float64) for name in names)
            count = int(found["n"]) if "n" in found else None
    except DamagedError as error:
        raise _refusal(path, str(error)) from None
    return mean, covariance, count, str(found.get("extractor", ""))


def _unchecked(path: Path, extractor: Extractor) -> str:
    """What cannot be checked in a file of another program."""
    return (
        f"{path.name} does not say whose features its statistics are: only their number, "
        f"{extractor.dim:,}, was checked"
    )


def _refusal(path: Path, why: str) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"cannot take statistics from {path}: {why}",
        option="ref",
        suggest=Suggestion(
            "stats",
            {"out": "ref.npz"},
            "writes such a file",
            args=(Placeholder("SOURCE"),),
        ),
    )
