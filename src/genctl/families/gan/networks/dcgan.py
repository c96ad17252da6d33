"""Generator and discriminator of DCGAN, which use only strided 4x4 convolutions.

Radford et al. 2015 (arXiv 1511.06434), with pixel norms (Karras et al. 2017, arXiv 1710.10196)
instead of batch norms. With batch norms a sample would depend on the other images of its batch, and
two processes would not train like one.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.families.gan.networks.shape import SLOPE, ImageShape, init_, stage_channels
from genctl.nn.cropping import crop, pad


class DcganGenerator(nn.Module):
    """From noise and class to an image; each layer doubles the resolution.

    Args:
        image: shape of the images.
        num_classes: 0 for an unconditional generator.
        width: channels of the last hidden layer; each earlier one has twice as many, up to eight
            times the width.
        z_dim: length of the noise vector.
    """

    def __init__(self, image: ImageShape, num_classes: int, *, width: int, z_dim: int) -> None:
        super().__init__()
        self.image = image
        channels = stage_channels(image, width)[::-1]
        self.channels = channels[0]
        self.embedding = nn.Embedding(num_classes, z_dim) if num_classes else None
        self.stem = init_(
            nn.Linear(2 * z_dim if num_classes else z_dim, channels[0] * math.prod(image.base))
        )
        self.blocks = nn.ModuleList(
            _up(before, after) for before, after in pairwise([*channels, image.channels])
        )

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """`z: (B, z_dim) float`, `label: (B,) int64` or None, to `(B, C, H, W)` in [-1, 1]."""
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(label)], dim=1)
        x: Tensor = self.stem(z).unflatten(1, (-1, *self.image.base))
        x = x.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(F.relu(_pixel_norm(x)))
        return crop(torch.tanh(x), self.image.height, self.image.width)


class DcganDiscriminator(nn.Module):
    """From an image to one logit; each layer halves the resolution.

    With classes, the logit is the product of the image's features with an embedding of the label
    (projection discriminator, Miyato and Koyama 2018, arXiv 1802.05637). The arguments are those
    of `DcganGenerator`.
    """

    def __init__(self, image: ImageShape, num_classes: int, *, width: int) -> None:
        super().__init__()
        self.image = image
        channels = stage_channels(image, width)
        self.stem = _down(image.channels, channels[0])
        self.blocks = nn.ModuleList(_down(fine, coarse) for fine, coarse in pairwise(channels))
        self.head = init_(nn.Linear(channels[-1] * math.prod(image.base), max(1, num_classes)))

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """`x: (B, C, H, W) float`, `label: (B,) int64` or None, to logits `(B,)`."""
        x = pad(x, *self.image.padded)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(F.leaky_relu(x, SLOPE))
        logits: Tensor = self.head(F.leaky_relu(x, SLOPE).flatten(1))
        if label is None:
            return logits.squeeze(1)
        return logits.gather(1, label.unsqueeze(1)).squeeze(1)


def _up(before: int, after: int) -> nn.ConvTranspose2d:
    layer = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
    # Each pixel is reached by 2x2 of the 4x4 weights of every channel.
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (4 * before)))
    nn.init.zeros_(layer.bias if layer.bias is not None else layer.weight[:0])
    return layer


def _down(before: int, after: int) -> nn.Conv2d:
    return init_(nn.Conv2d(before, after, 4, stride=2, padding=1), math.sqrt(2 / (1 + SLOPE**2)))


def _pixel_norm(x: Tensor) -> Tensor:
    """Normalise each pixel's channels to a mean square of one; `(B, C, H, W)`."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
