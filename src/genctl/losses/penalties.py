"""Gradient penalties of discriminators, as vectors with one number per example."""

from __future__ import annotations

from torch import Tensor

GP_STRENGTH = 10.0
"""The weight of `one_centred` in Gulrajani et al. 2017, for all images."""

ZERO_CENTRED_STRENGTH = 0.005
"""The factor in `default_strength`, found on 28x28 digits and 64x64 colour images
(docs/lab-notes.md)."""


def zero_centred(gradient: Tensor) -> Tensor:
    """Squared norm of each example's gradient: R1 on real inputs, R2 on generated ones.

    Mescheder et al. 2018 (arXiv 1801.04406), eq. 9 and 10, without their factor gamma / 2.

    Args:
        gradient: `(B, ...)` gradient of the logit of example k with respect to example k.

    Returns:
        `(B,)` squared norms.
    """
    return gradient.flatten(1).square().sum(1)


def one_centred(gradient: Tensor) -> Tensor:
    """Squared distance of each gradient's norm from 1, on inputs `between` real and generated.

    Gulrajani et al. 2017, WGAN-GP (arXiv 1704.00028), eq. 3, without their factor lambda.

    Args:
        gradient: `(B, ...)`, as for `zero_centred`.

    Returns:
        `(B,)` squared distances.
    """
    # A norm has no derivative at zero, which the gradient of a network may be at initialisation.
    return ((zero_centred(gradient) + 1e-12).sqrt() - 1).square()


def between(real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """Points on the lines from `real` to `fake`, `(B, ...)` each; `share` is broadcast."""
    return real + share * (fake - real)


def default_strength(height: int, width: int, batch_size: int) -> float:
    """Gamma of the zero-centred penalties for images of this size, in pixels.

    Squared gradients are smaller with more pixels, and training is noisier with small batches.
    This is the rule of Karras et al. 2020, StyleGAN2-ADA (arXiv 2006.06676, appendix C), with
    another factor.
    """
    return ZERO_CENTRED_STRENGTH * height * width / batch_size
