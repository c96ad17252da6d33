"""Pixels as features, for ``fd[px]``.

It needs no network. It measures where light and colour are, not what they show, and serves as a
check that does not depend on a trained network.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from genctl.evaluation.extractors.base import Origin
from genctl.evaluation.extractors.pixels import resize, to_rgb


class PixelExtractor:
    """Images shrunk or enlarged to 16x16, their 768 values in [-1, 1]."""

    name = "px"
    origin: Origin = "bundled"
    size = 16
    dim = 3 * size * size
    batch_size = 256
    precision = "fp32"
    protocol = "rgb-antialias-16"
    sha256 = hashlib.sha256(b"genctl px extractor 1").hexdigest()

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._device = torch.device(device)

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, 3, 16, 16) float32`` in [-1, 1]."""
        return resize(to_rgb(images.to(self._device)).float(), self.size) / 127.5 - 1

    def features(self, inputs: Tensor) -> Tensor:
        """``(B, 768) float32``."""
        return inputs.flatten(1)
