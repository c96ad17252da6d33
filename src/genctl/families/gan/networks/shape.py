"""What the generators and discriminators have in common: shapes, and initial weights.

Every generator maps `z: (B, z_dim)` and an optional `label: (B,) int64` to images
`(B, C, H, W)` in [-1, 1]; every discriminator maps images and labels to logits `(B,)`.
Initial weights come from torch's global random generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

MIN_SIDE = 16
"""The smallest height or width, in pixels, that the convolutional networks take."""

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

SLOPE = 0.2
MAX_WIDENING = 8


@dataclass(frozen=True)
class ImageShape:
    """Channels, height and width of one image in pixels, and its resampling.

    The networks treat patches of `patch` x `patch` pixels as one position with more channels. From
    stage to stage, squares of 2x2 positions become channels and back; with `smooth` they are
    averaged, and interpolated on the way back.
    """

    channels: int
    height: int
    width: int
    patch: int = 2
    smooth: bool = False

    @property
    def stages(self) -> int:
        """The number of resolutions of the residual networks; each halves the one before.

        The first is that of the patches; the last has a short side of at least 4. With patches of
        2x2 pixels, 28x28 has the resolutions 14x14 and 7x7, and 48x64 has 24x32, 12x16 and 6x8.
        """
        return int(math.log2(min(self.height, self.width) // (2 * self.patch)))

    @property
    def base(self) -> tuple[int, int]:
        """Height and width at the coarsest stage, rounded up."""
        return math.ceil(self.height / self.scale), math.ceil(self.width / self.scale)

    @property
    def scale(self) -> int:
        """The side in pixels of one position at the coarsest stage."""
        return int(self.patch * 2 ** (self.stages - 1))

    @property
    def square(self) -> int:
        """The number of positions of one stage that become channels of the next stage."""
        return 1 if self.smooth else 4

    @property
    def patch_channels(self) -> int:
        """Numbers in one patch."""
        return self.channels * self.patch**2

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width in pixels with the padding that the stages need."""
        rows, columns = self.base
        return rows * self.scale, columns * self.scale


def stage_channels(image: ImageShape, width: int) -> list[int]:
    """Channels of each stage, finest first."""
    return [width * min(2**stage, MAX_WIDENING) for stage in range(image.stages)]


def init_(layer: Layer, gain: float = 1.0) -> Layer:
    """Normal weights of variance `gain ** 2 / fan_in`, zero bias."""
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=gain * fan_in**-0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
