"""Generators and discriminators: norm-free residual networks, and the classic MLP pair.

Every generator maps `z: (B, z_dim)` and an optional `label: (B,) int64` to images
`(B, C, H, W)` in [-1, 1]; every discriminator maps images and labels to logits `(B,)`.
Initial weights come from torch's global random generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.nn.cropping import crop

MIN_SIDE = 16
"""The smallest height or width, in pixels, that the residual networks take."""

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
    def padding(self) -> tuple[int, int]:
        """Rows and columns of padding at the bottom and right that the stages need."""
        rows, columns = self.base
        return rows * self.scale - self.height, columns * self.scale - self.width


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
        rows, columns = self.image.padding
        if rows or columns:
            x = F.pad(x, (0, columns, 0, rows))
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


class MlpGenerator(nn.Module):
    """The classic fully connected generator: 256, 512, 1024 units, then tanh; unconditional."""

    def __init__(self, image: ImageShape, *, z_dim: int) -> None:
        """Build the network for images of shape `image` from noise of length `z_dim`."""
        super().__init__()
        self.image = image
        self.blocks, self.head = _mlp((z_dim, 256, 512, 1024), _pixels(image))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """`z: (B, z_dim) float` to `(B, C, H, W)` in [-1, 1]; the label is not used."""
        for block in self.blocks:
            z = block(z)
        image = self.image
        return torch.tanh(self.head(z)).view(-1, image.channels, image.height, image.width)


class MlpDiscriminator(nn.Module):
    """The classic fully connected discriminator: 512, 256 units, one logit; unconditional."""

    def __init__(self, image: ImageShape) -> None:
        """Build the network for images of shape `image`."""
        super().__init__()
        self.blocks, self.head = _mlp((_pixels(image), 512, 256), 1)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """`x: (B, C, H, W) float` to logits `(B,)`; the label is not used."""
        x = x.flatten(1)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(x)
        return logits.squeeze(1)


def _mlp(widths: tuple[int, ...], outputs: int) -> tuple[nn.ModuleList, nn.Linear]:
    hidden = (
        nn.Sequential(nn.Linear(before, after), nn.LeakyReLU(SLOPE))
        for before, after in pairwise(widths)
    )
    return nn.ModuleList(hidden), nn.Linear(widths[-1], outputs)


def _pixels(image: ImageShape) -> int:
    return image.channels * image.height * image.width


def stage_channels(image: ImageShape, width: int) -> list[int]:
    """Channels of each stage, finest first."""
    return [width * min(2**stage, MAX_WIDENING) for stage in range(image.stages)]


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


def init_(layer: Layer, gain: float = 1.0) -> Layer:
    """Normal weights of variance `gain ** 2 / fan_in`, zero bias."""
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=gain * fan_in**-0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
