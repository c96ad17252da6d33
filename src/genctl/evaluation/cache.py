"""Features of reference images kept on disk, found again by content and never by name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features
from genctl.files import make_directory, write_atomic
from genctl.weights import sha256_of_tensors

_FORMAT = "1"


def cache_path(folder: Path, extractor: Extractor, images_sha256: str) -> Path:
    """The file for these images' features: its name is a hash of all that they depend on."""
    parts = [_FORMAT, images_sha256, extractor.sha256, extractor.protocol]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return folder / f"{extractor.name}-{key[:32]}.safetensors"


def read_features(path: Path) -> Features | None:
    """Cached features, or None when there are none or the file is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            values: Tensor = file.get_tensor("features")
            metadata = file.metadata()
        shapes = frozenset((c, h, w) for c, h, w in json.loads(metadata["shapes"]))
        intact = metadata["sha256"] == sha256_of_tensors({"features": values})
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    return Features(values, shapes, waiting_seconds=0.0, extracting_seconds=0.0) if intact else None


def write_features(path: Path, features: Features) -> None:
    """Put ``features`` at ``path`` in one step.

    Raises:
        GenctlError: the disk is full, or the folder is not writable.
    """
    tensors = {"features": features.values}
    metadata = {
        "shapes": json.dumps(sorted(features.shapes)),
        "sha256": sha256_of_tensors(tensors),
    }
    make_directory(path.parent)
    write_atomic(path, save(tensors, metadata))
