"""The four prediction types of a network, each converted to an estimate of the clean image.

With ``x = x0 + sigma * n`` the denoiser is ``D = skip * x + out * F(inner * x, time)`` (Karras et
al. 2022, arXiv 2206.00364, equation 7), and ``F`` is trained on ``clean * x0 + noise * n``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from genctl.families.diffusion.schedules import timestep_of

FLOW_TIMESTEPS = 1000.0
EDM_TIME = 250.0


class Scaling(NamedTuple):
    """Coefficients at given noise levels, (B,) each.

    Attributes:
        skip: the coefficient of the noisy image in the estimate of the clean image.
        out: the coefficient of the network's output in that estimate.
        inner: the coefficient of the noisy image in the network's input.
        time: the network's input for the noise level.
        clean: the coefficient of the clean image in the training target.
        noise: the coefficient of the noise in the training target.
    """

    skip: Tensor
    out: Tensor
    inner: Tensor
    time: Tensor
    clean: Tensor
    noise: Tensor


def edm(sigma: Tensor, spread: float, table: Tensor) -> Scaling:
    """Karras et al. 2022, arXiv 2206.00364, table 1; time is ``250 * ln(sigma)``.

    This is 1000 times the value in the paper, because the network embeds numbers of the order of
    1000.
    """
    total = (sigma.square() + spread**2).sqrt()
    return Scaling(
        skip=spread**2 / total.square(),
        out=sigma * spread / total,
        inner=1 / total,
        time=EDM_TIME * sigma.log(),
        clean=sigma / (spread * total),
        noise=-spread / total,
    )


def v(sigma: Tensor, spread: float, table: Tensor) -> Scaling:
    """Salimans and Ho 2022, arXiv 2202.00512, appendix D; time is the DDPM timestep."""
    inner = 1 / (sigma.square() + 1).sqrt()
    return Scaling(
        skip=inner.square(),
        out=-sigma * inner,
        inner=inner,
        time=timestep_of(sigma, table),
        clean=-sigma * inner,
        noise=inner,
    )


def epsilon(sigma: Tensor, spread: float, table: Tensor) -> Scaling:
    """Ho et al. 2020, arXiv 2006.11239, equations 12 and 14; time is the DDPM timestep."""
    one = torch.ones_like(sigma)
    return Scaling(
        skip=one,
        out=-sigma,
        inner=1 / (sigma.square() + 1).sqrt(),
        time=timestep_of(sigma, table),
        clean=torch.zeros_like(sigma),
        noise=one,
    )


def flow(sigma: Tensor, spread: float, table: Tensor) -> Scaling:
    """Lipman et al. 2022, arXiv 2210.02747; Liu et al. 2022, arXiv 2209.03003; time is ``1000 t``.

    On the straight line from an image at ``t = 0`` to noise at ``t = 1`` the noisy image is
    ``x_t = (1 - t) * x0 + t * n = x / (1 + sigma)``, where ``t = sigma / (1 + sigma)``, and the
    network predicts the velocity ``n - x0``.
    """
    inner = 1 / (1 + sigma)
    one = torch.ones_like(sigma)
    return Scaling(
        skip=inner,
        out=-sigma * inner,
        inner=inner,
        time=FLOW_TIMESTEPS * sigma * inner,
        clean=-one,
        noise=one,
    )


PREDICTIONS: Mapping[str, Callable[[Tensor, float, Tensor], Scaling]] = {
    "edm": edm,
    "v": v,
    "epsilon": epsilon,
    "flow": flow,
}
