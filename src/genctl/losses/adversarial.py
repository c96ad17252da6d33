"""Adversarial losses, as vectors with one number per example.

Every loss is a pair of functions of raw logits: what the discriminator minimises and what the
generator minimises. These functions do not average; the caller computes weighted sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus


class AdversarialLoss(NamedTuple):
    """The two sides of one adversarial game; both map `(real, fake)` logits `(B,)` to `(B,)`."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    paired: bool
    """Whether the generator's loss also uses the real logits."""


def rpgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """`softplus(-(real - fake))`: each real example should score above its paired fake.

    Jolicoeur-Martineau 2018 (arXiv 1807.00734); with R1 and R2 it converges locally, Huang et al.
    2024, "The GAN is dead; long live the GAN!" (R3GAN, arXiv 2501.05441), eq. 2.

    Args:
        real: `(B,)` logits of real examples.
        fake: `(B,)` logits of generated examples; row k is paired with `real[k]`.
    """
    return softplus(fake - real)


def rpgan_generator(real: Tensor, fake: Tensor) -> Tensor:
    """`softplus(-(fake - real))`, the mirror of `rpgan_discriminator`; `(B,)` each."""
    return softplus(real - fake)


def nonsaturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Binary cross-entropy of real = 1 and fake = 0 on logits; Goodfellow et al. 2014, eq. 1."""
    return softplus(-real) + softplus(fake)


def nonsaturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    """The non-saturating `-log D(fake)`; Goodfellow et al. 2014 (arXiv 1406.2661), section 3."""
    return softplus(-fake)


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """`relu(1 - real) + relu(1 + fake)`; Lim and Ye 2017, "Geometric GAN" (arXiv 1705.02894)."""
    return relu(1 - real) + relu(1 + fake)


def hinge_generator(real: Tensor, fake: Tensor) -> Tensor:
    """`-fake`, the generator's side of the hinge game (arXiv 1705.02894)."""
    return -fake


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """`((real - 1)^2 + fake^2) / 2`; Mao et al. 2017, LSGAN (arXiv 1611.04076), eq. 9."""
    return ((real - 1).square() + fake.square()) / 2


def least_squares_generator(real: Tensor, fake: Tensor) -> Tensor:
    """`(fake - 1)^2 / 2`; Mao et al. 2017, LSGAN (arXiv 1611.04076), eq. 9."""
    return (fake - 1).square() / 2


def wgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """`fake - real`, bounded only by a penalty; Arjovsky et al. 2017, WGAN (arXiv 1701.07875)."""
    return fake - real


def wgan_generator(real: Tensor, fake: Tensor) -> Tensor:
    """`-fake`, the generator's side of the Wasserstein game (arXiv 1701.07875)."""
    return -fake


LOSSES: Mapping[str, AdversarialLoss] = {
    "rpgan": AdversarialLoss(rpgan_discriminator, rpgan_generator, True),
    "nonsaturating": AdversarialLoss(nonsaturating_discriminator, nonsaturating_generator, False),
    "hinge": AdversarialLoss(hinge_discriminator, hinge_generator, False),
    "least_squares": AdversarialLoss(least_squares_discriminator, least_squares_generator, False),
    "wgan": AdversarialLoss(wgan_discriminator, wgan_generator, False),
}
