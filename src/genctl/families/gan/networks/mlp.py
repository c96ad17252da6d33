"""The classic pair of fully connected networks (Goodfellow et al. 2014, arXiv 1406.2661)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from genctl.families.gan.networks.shape import SLOPE, ImageShape


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
