"""Cache on disk of what is computed from reference images, keyed by content and never by name.

It holds features, and the normal distribution fitted to them. Files are safetensors and are written
atomically, so that two processes may write the same file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features
from genctl.evaluation.measures.frechet import Gaussian
from genctl.files import make_directory, write_atomic
from genctl.weights import sha256_of_tensors

_FORMAT = "2"


def cache_path(folder: Path, extractor: Extractor, images_sha256: str) -> Path:
    """The file for these images' features; its name is a hash of everything they depend on."""
    parts = [_FORMAT, images_sha256, extractor.sha256, extractor.protocol, extractor.precision]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    name = extractor.name.replace(":", "-")  # Windows uses colons for drives
    return folder / f"{name}-{key[:32]}.safetensors"


def read_features(path: Path) -> Features | None:
    """Cached features, or None if there are none or the file is damaged."""
    found = _read(path, ("features", "digests", "rows"))
    if found is None:
        return None
    (values, digests, rows), facts = found
    try:
        shapes = frozenset((c, h, w) for c, h, w in json.loads(facts["shapes"]))
        return Features(values, shapes, digests, rows, tuple(json.loads(facts["remarks"])))
    except (KeyError, TypeError, ValueError):
        return None


def write_features(path: Path, features: Features) -> None:
    """Write ``features`` to ``path`` atomically.

    Raises:
        GenctlError: the disk is full, or the folder is not writable.
    """
    tensors = {"features": features.values, "digests": features.digests, "rows": features.rows}
    facts = {
        "shapes": json.dumps(sorted(features.shapes)),
        "remarks": json.dumps(features.remarks),
    }
    _write(path, tensors, facts)


def gaussian_path(path: Path) -> Path:
    """The file of the distribution that is fitted to the features at ``path``."""
    return path.with_name(f"{path.stem}-gaussian.safetensors")


def read_gaussian(path: Path) -> Gaussian | None:
    """A cached distribution, or None if there is none or the file is damaged."""
    found = _read(path, ("mean", "factor"))
    return None if found is None else Gaussian(*found[0])


def write_gaussian(path: Path, gaussian: Gaussian) -> None:
    """Write ``gaussian`` to ``path`` atomically.

    Raises:
        GenctlError: the disk is full, or the folder is not writable.
    """
    _write(path, {"mean": gaussian.mean, "factor": gaussian.factor.contiguous()}, {})


def _read(path: Path, names: Sequence[str]) -> tuple[list[Tensor], dict[str, str]] | None:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in names}
            facts: dict[str, str] = file.metadata()
        intact = facts["sha256"] == sha256_of_tensors(tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    return (list(tensors.values()), facts) if intact else None


def _write(path: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    make_directory(path.parent)
    write_atomic(path, save(tensors, {**facts, "sha256": sha256_of_tensors(tensors)}))
