"""Features from a convolutional network with fixed random weights: no data, no download.

Embeddings by random weights still tell distributions of images apart (Naeem et al. 2020,
arXiv:2002.09797, section 4), though less sharply than trained ones. ``fd[rand]`` is therefore a
fallback for images without a bundled network, comparable only with other ``fd[rand]`` values.
"""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genctl.evaluation.extractors.base import Origin
from genctl.evaluation.extractors.pixels import resize, to_rgb
from genctl.weights import sha256_of_tensors

_WIDTHS = (3, 16, 32, 80)
_KERNEL_SIZE = 5


class RandExtractor:
    """Mean and deviation over space after each of three random stride-2 convolutions.

    Images are resized to 64x64. The layers' receptive fields are 5, 13 and 29 pixels: strokes,
    parts and the coarse layout. Mean and deviation measure how often a pattern occurs and how
    unevenly.
    """

    name = "rand"
    origin: Origin = "bundled"
    dim = 2 * sum(_WIDTHS[1:])
    batch_size = 128
    size = 64
    precision = "fp32"
    protocol = "rgb-bilinear-64"

    seed = b"genctl rand extractor 1"

    def __init__(self, device: torch.device | str = "cpu") -> None:
        weights = map(_layer, _random_weights(self.seed))
        self._layers = nn.Sequential(*weights).requires_grad_(False)
        self.sha256 = sha256_of_tensors(self._layers.state_dict())
        self._device = torch.device(device)
        self._layers.to(self._device)

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, 3, 64, 64) float32`` in [-1, 1]."""
        images = to_rgb(images.to(self._device)).float()
        return resize(images, self.size) / 127.5 - 1

    def features(self, inputs: Tensor) -> Tensor:
        """``(B, 256) float32``."""
        pooled = []
        for layer in self._layers:
            inputs = F.relu(layer(inputs))
            deviation, mean = torch.std_mean(inputs, dim=(2, 3))
            pooled += [mean, deviation]
        return torch.cat(pooled, dim=1)


class RandMonitorExtractor(RandExtractor):
    """The same network with other random weights, which chooses checkpoints."""

    name = "rand-monitor"
    seed = b"genctl rand monitor 1"


def _layer(weight: Tensor) -> nn.Conv2d:
    layer = nn.Conv2d(
        weight.shape[1],
        weight.shape[0],
        _KERNEL_SIZE,
        stride=2,
        padding=_KERNEL_SIZE // 2,
        bias=False,
    )
    layer.weight = nn.Parameter(weight)
    return layer


def _random_weights(seed: bytes) -> list[Tensor]:
    """Uniform weights of He's variance ``2 / fan_in`` (2015, arXiv:1502.01852, eq. 10).

    They are the bytes of a hash, not numbers from a random generator. So the bits, and their
    sha256, are the same on every machine and with every version of the libraries.
    """
    shapes = [
        (out_channels, in_channels, _KERNEL_SIZE, _KERNEL_SIZE)
        for in_channels, out_channels in pairwise(_WIDTHS)
    ]
    counts = [math.prod(shape) for shape in shapes]
    stream = np.frombuffer(hashlib.shake_256(seed).digest(2 * sum(counts)), dtype="<i2")
    uniform = torch.from_numpy(stream.astype(np.float32)) / 2**15  # in [-1, 1), variance 1/3
    return [
        flat.reshape(shape) * math.sqrt(6 / math.prod(shape[1:]))
        for flat, shape in zip(torch.split(uniform, counts), shapes, strict=True)
    ]
