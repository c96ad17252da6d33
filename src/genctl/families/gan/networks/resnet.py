"""Norm-free residual generator and discriminator."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.families.gan.networks.shape import SLOPE, ImageShape, init_, stage_channels
from genctl.nn.cropping import crop, pad


class ResidualBlock(nn.Module):
    """`x + conv(act(conv(x)))` without normalisation; initially the identity.

    Fixup (Zhang et al. 2019, arXiv 1901.09321): the last convolution starts at zero and the
    first is scaled by `depth ** -0.5`, where `depth` counts the residual blocks of the network,
    so that the sum stays of order one for any number of blocks.
    """

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        init_(self.conv1, math.sqrt(2 / (1 + SLOPE**2)) * depth**-0.5)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """`x: (B, C, H, W)` to the same shape."""
        hidden = F.leaky_relu(self.conv1(F.leaky_relu(x, SLOPE)), SLOPE)
        residual: Tensor = self.conv2(hidden)
        return x + residual


class ResidualGenerator(nn.Module):
    """From noise and class to an image; stages double the resolution, coarsest first.

    A small norm-free network after R3GAN (Huang et al. 2024, arXiv 2501.05441) that works on
    pixel-unshuffled images, where convolutions are cheap on a CPU.
    """

    def __init__(
        self, image: ImageShape, num_classes: int, *, width: int, depth: int, z_dim: int
    ) -> None:
        """Build the network.

        Args:
            image: shape of the images, each side at least `MIN_SIDE`.
            num_classes: 0 for an unconditional generator.
            width: channels of the finest stage; each coarser one has twice as many, up to eight
                times the width.
            depth: residual blocks per stage.
            z_dim: length of the noise vector.
        """
        super().__init__()
        self.image = image
        channels = stage_channels(image, width)[::-1]
        self.channels = channels[0]
        self.embedding = nn.Embedding(num_classes, z_dim) if num_classes else None
        latent = 2 * z_dim if num_classes else z_dim
        self.stem = nn.Linear(latent, channels[0] * math.prod(image.base))
        init_(self.stem)
        self.blocks = _blocks(channels, depth)
        self.up = nn.ModuleList(
            _alike(init_(nn.Conv2d(coarse, image.square * fine, 1)), image.square)
            for coarse, fine in pairwise(channels)
        )
        head = init_(nn.Conv2d(channels[-1], image.patch_channels, 3, padding=1))
        self.head = _alike(head, image.patch**2)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """`z: (B, z_dim) float`, `label: (B,) int64` or None, to `(B, C, H, W)` in [-1, 1]."""
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(label)], dim=1)
        rows, columns = self.image.base
        x: Tensor = self.stem(z).unflatten(1, (-1, rows, columns))
        x = x.contiguous(memory_format=torch.channels_last)
        for stage, block in enumerate(self.blocks):
            if stage:
                x = self._enlarged(self.up[stage - 1](x))
            x = block(x)
        # Flat backgrounds are at the ends of the range. Without tanh the background alone reveals a
        # generated image, and digits need about three times the images (docs/lab-notes.md).
        x = F.pixel_shuffle(self.head(F.leaky_relu(x, SLOPE)), self.image.patch)
        x = _bounded(x) if self.image.smooth else torch.tanh(x)
        return crop(x, self.image.height, self.image.width)

    def _enlarged(self, x: Tensor) -> Tensor:
        if self.image.smooth:
            return F.interpolate(x, scale_factor=2, mode="bilinear")
        return F.pixel_shuffle(x, 2)


class ResidualDiscriminator(nn.Module):
    """From an image to one logit: the generator's stages in reverse.

    With classes, the logit is the product of the image's features with an embedding of the label
    (projection discriminator, Miyato and Koyama 2018, arXiv 1802.05637).
    """

    def __init__(self, image: ImageShape, num_classes: int, *, width: int, depth: int) -> None:
        """Build the network; the arguments are those of `ResidualGenerator`."""
        super().__init__()
        self.image = image
        channels = stage_channels(image, width)
        self.stem = init_(nn.Conv2d(image.patch_channels, channels[0], 3, padding=1))
        self.blocks = _blocks(channels, depth)
        self.down = nn.ModuleList(
            init_(nn.Conv2d(image.square * fine, coarse, 1)) for fine, coarse in pairwise(channels)
        )
        self.head = init_(nn.Linear(channels[-1] * math.prod(image.base), max(1, num_classes)))

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """`x: (B, C, H, W) float`, `label: (B,) int64` or None, to logits `(B,)`."""
        x = pad(x, *self.image.padded)
        x = F.pixel_unshuffle(x, self.image.patch).contiguous(memory_format=torch.channels_last)
        x = self.stem(x)
        for stage, block in enumerate(self.blocks):
            if stage:
                shrink = F.avg_pool2d if self.image.smooth else F.pixel_unshuffle
                x = self.down[stage - 1](shrink(x, 2))
            x = block(x)
        logits: Tensor = self.head(F.leaky_relu(x, SLOPE).flatten(1))
        if label is None:
            return logits.squeeze(1)
        return logits.gather(1, label.unsqueeze(1)).squeeze(1)


def _blocks(channels: list[int], depth: int) -> nn.ModuleList:
    total = depth * len(channels)
    return nn.ModuleList(
        nn.Sequential(*(ResidualBlock(count, total) for _ in range(depth))) for count in channels
    )


def _bounded(x: Tensor) -> Tensor:
    """Map into (-1, 1) like tanh, but approach the ends like 1 / x^2 and not exponentially.

    On white images, generators saturate tanh within the first few thousand images in one of two
    seeds, and then get no gradient for the rest of the run (docs/lab-notes.md).
    """
    x = x.float()
    return x * (1 + x.square()).rsqrt()


def _alike(layer: nn.Conv2d, count: int) -> nn.Conv2d:
    """Initialise equal pixels in each square of ``count`` pixels from `pixel_shuffle`.

    Otherwise the squares show as a checkerboard that training removes only slowly (ICNR, Aitken et
    al. 2017, arXiv 1707.02937).
    """
    with torch.no_grad():
        layer.weight.copy_(layer.weight[::count].repeat_interleave(count, 0))
    return layer
