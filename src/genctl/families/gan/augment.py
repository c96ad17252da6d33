"""Differentiable augmentations of the discriminator's inputs, against overfitting on few images.

Real and generated images get the same augmentations, and gradients pass through them to the
generator (Zhao et al. 2020, DiffAugment, arXiv 2006.10738). Their probability can adapt to the
discriminator's lead (Karras et al. 2020, StyleGAN2-ADA, arXiv 2006.06676). Every augmentation is
elementwise or a product of matrices, so penalties can be computed through it and GPU results are
reproducible. torchvision's functions take one set of numbers for a whole batch, so they would need
one call per image, and its changes of colour clip values at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

SHIFT, HOLE = 1 / 8, 1 / 2
"""The largest shift, and the side of the square that is cut out, as shares of the side."""

RISE = 50_000
"""The number of examples over which the adaptive probability can rise from 0 to 1."""

DRAWS = 4
"""Uniform numbers of one augmentation of an image; the first decides whether it is applied."""

Change = Callable[[Tensor, Tensor], Tensor]
"""From images `(B, C, H, W)` and numbers `(B, 3)` in [0, 1) to images."""


def colour(images: Tensor, draws: Tensor) -> Tensor:
    """Change brightness, saturation and contrast."""
    brightness, saturation, contrast = (d[:, None, None, None] for d in draws.unbind(1))
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + 2 * saturation * (images - grey)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5) * (images - mean)


def translation(images: Tensor, draws: Tensor) -> Tensor:
    """Shift by up to `SHIFT` of the side, in whole pixels, and fill with grey."""
    height, width = images.shape[2:]
    down, right = _shift(draws[:, 0], height), _shift(draws[:, 1], width)
    return down[:, None] @ images @ right[:, None].mT


def cutout(images: Tensor, draws: Tensor) -> Tensor:
    """Fill a rectangle of `HOLE` of each side with grey; its centre may be anywhere."""
    rows, columns = (_covered(draws[:, axis], side) for axis, side in enumerate(images.shape[2:]))
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])


CHANGES: Mapping[str, Change] = MappingProxyType(
    {"colour": colour, "translation": translation, "cutout": cutout}
)


class Augment(nn.Module):
    """Some of `CHANGES`, one after the other.

    Args:
        names: the names of the augmentations.
        target: the target of the mean sign of the logits' difference between real images and their
            generated partners; above it, the probability rises. 0 always applies all.
    """

    probability: Tensor

    def __init__(self, names: tuple[str, ...], target: float = 0.0) -> None:
        super().__init__()
        self.names, self.target = names, target
        self.register_buffer("probability", torch.tensor(0.0 if target else 1.0))

    @property
    def draws(self) -> int:
        """The number of uniform numbers per image."""
        return DRAWS * len(self.names)

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        """Augment images.

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
        """Raise the probability if the discriminator is too far ahead, otherwise lower it.

        Args:
            margins: `(B,)` logits of real images minus those of their partners.
        """
        ahead = (margins.sign().mean() - self.target).sign()
        self.probability.add_(ahead * len(margins) / RISE).clamp_(0, 1)


def _shift(draws: Tensor, side: int) -> Tensor:
    """`(B, side, side)`: shifted identity matrices."""
    most = round(side * SHIFT)
    moved = (draws * (2 * most + 1)).floor() - most
    places = torch.arange(side, device=draws.device)
    return (places[:, None] - places == moved[:, None, None]).float()


def _covered(draws: Tensor, side: int) -> Tensor:
    """`(B, side)`: which positions are in the hole."""
    hole = round(side * HOLE)
    first = (draws * (side + 1 - hole % 2)).floor() - hole // 2
    places = torch.arange(side, device=draws.device) - first[:, None]
    return (places >= 0) & (places < hole)
