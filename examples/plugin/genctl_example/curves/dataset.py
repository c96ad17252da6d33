"""Curves as a data set: images of one row, whose values lie in [-1, 1]."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from genctl.contracts import DataSpec, Feature
from genctl.data.in_memory import InMemoryDataset
from genctl.data.prepare import Prepared
from genctl.errors import ExitStatus, GenctlError
from genctl.files import safe_name


def prepare(options):
    curves = read(options.source)
    if len(curves) < 2:
        raise GenctlError(ExitStatus.DATA, f"{options.source} holds fewer than two curves")
    scale, kept = float(np.abs(curves).max()) or 1.0, max(1, len(curves) // 10)
    images = torch.from_numpy(curves / scale).float()[:, None, None]
    spec = DataSpec(
        source=options.source,
        name=safe_name(Path(options.source).stem),
        unit="curves",
        examples=len(images) - kept,
        fingerprint=hashlib.sha256(curves.tobytes()).hexdigest(),
        features={"image": Feature("image", tuple(images.shape[1:]))},
        kind="curves",
        statistics={"scale": scale, "sigma_data": float(images.std())},
    )
    return Prepared(InMemoryDataset(spec, {"image": images[kept:]}, {"image": images[:kept]}))


def read(source):
    """The curves of a file, (N, L)."""
    try:
        return np.loadtxt(Path(source).expanduser(), delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise GenctlError(ExitStatus.DATA, f"{source} holds no curves: {error}") from None
