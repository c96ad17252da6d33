"""Differentiable changes to what the discriminator sees, against learning few images by heart.

Real and generated images go through the same changes, and the generator learns through them
(Zhao et al. 2020, DiffAugment, arXiv 2006.10738); how often they happen can follow how far the
discriminator is ahead (Karras et al. 2020, StyleGAN2-ADA, arXiv 2006.06676). Every change is
elementwise or a product of matrices, so that penalties can be taken through it and a GPU gives the
same bits twice. torchvision's functions take one set of numbers for a whole batch, so that images
would go through them one at a time, and its changes of colour cut values off at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

SHIFT, HOLE = 1 / 8, 1 / 2
"""Of the side: the largest shift, and the side of the square that is cut out."""

RISE = 50_000
"""Examples in which the probability of adaptive changes can go from 0 to 1."""

DRAWS = 4
"""Uniform numbers that a change takes for an image; the first says whether it happens."""

Change = Callable[[Tensor, Tensor], Tensor]
"""From images `(B, C, H, W)` and numbers `(B, 3)` in [0, 1) to images."""


def colour(images: Tensor, draws: Tensor) -> Tensor:
    """Brighter or darker, more or less colourful, with more or less contrast."""
    brightness, saturation, contrast = (d[:, None, None, None] for d in draws.unbind(1))
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + 2 * saturation * (images - grey)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5) * (images - mean)


def translation(images: Tensor, draws: Tensor) -> Tensor:
    """Moved by up to `SHIFT` of the side, whole pixels, with grey where nothing was."""
    height, width = images.shape[2:]
    down, right = _shift(draws[:, 0], height), _shift(draws[:, 1], width)
    return down[:, None] @ images @ right[:, None].mT


def cutout(images: Tensor, draws: Tensor) -> Tensor:
    """Grey in a square, or oblong, of `HOLE` of the side, whose centre may be anywhere."""
    rows, columns = (_covered(draws[:, axis], side) for axis, side in enumerate(images.shape[2:]))
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])


CHANGES: Mapping[str, Change] = MappingProxyType(
    {"colour": colour, "translation": translation, "cutout": cutout}
)


class Augment(nn.Module):
    """Some of `CHANGES`, in turn.

    Args:
        names: which.
        target: how often a real image may be told from its generated partner, as the mean of the
            sign of their logits' difference, before changes become more frequent; 0: always.
    """

    probability: Tensor

    def __init__(self, names: tuple[str, ...], target: float = 0.0) -> None:
        super().__init__()
        self.names, self.target = names, target
        self.register_buffer("probability", torch.tensor(0.0 if target else 1.0))

    @property
    def draws(self) -> int:
        """How many uniform numbers an image takes."""
        return DRAWS * len(self.names)

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        """Changed images.

        Args:
            images: `(B, C, H, W) float32`.
            draws: `(B, self.draws)` in [0, 1).
        """
        for name, numbers in zip(self.names, draws.split(DRAWS, 1), strict=True):
            changed = CHANGES[name](images, numbers[:, 1:])
            if not self.target:
                images = changed
                continue
            happens = numbers[:, 0] < self.probability
            images = torch.where(happens[:, None, None, None], changed, images)
        return images

    @torch.no_grad()
    def adapt(self, margins: Tensor) -> None:
        """Make changes more frequent if the discriminator is too far ahead, else less.

        Args:
            margins: `(B,)` logits of real images less those of their partners.
        """
        ahead = (margins.sign().mean() - self.target).sign()
        self.probability.add_(ahead * len(margins) / RISE).clamp_(0, 1)


def _shift(draws: Tensor, side: int) -> Tensor:
    """`(B, side, side)`: the identity, moved."""
    most = round(side * SHIFT)
    moved = (draws * (2 * most + 1)).floor() - most
    places = torch.arange(side, device=draws.device)
    return (places[:, None] - places == moved[:, None, None]).float()


def _covered(draws: Tensor, side: int) -> Tensor:
    """`(B, side)`: which places lie in the hole."""
    hole = round(side * HOLE)
    first = (draws * (side + 1 - hole % 2)).floor() - hole // 2
    places = torch.arange(side, device=draws.device) - first[:, None]
    return (places >= 0) & (places < hole)
