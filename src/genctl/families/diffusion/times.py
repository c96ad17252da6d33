"""The distributions of noise levels in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from genctl.contracts import Noise
from genctl.families.diffusion.schedules import ddpm_sigmas, sigma_of
from genctl.families.diffusion.spec import DiffusionConfig

SIGMA_RANGE = (1e-3, 1e3)
EDM_SPREAD = 0.5


def draw_sigmas(options: DiffusionConfig, noise: Noise, sigma_data: float) -> Tensor:
    """A noise level for each row, (B,) float32, by ``options.time``.

    - ``lognormal``: ``ln(sigma)`` is normal. Mean and deviation are those of Karras et al. 2022
      (arXiv 2206.00364, table 1) for data of standard deviation 0.5; for other data the levels
      scale with the standard deviation.
    - ``logit-normal``: the logit of flow time is normal (Esser et al. 2024, arXiv 2403.03206,
      section 3.1). Since ``logit(t) = ln(sigma)``, sigma is lognormal here too, for any data.
    - ``uniform``: flow time is uniform, or, for ``v`` and ``epsilon``, the DDPM timestep.
    """
    return _DISTRIBUTIONS[options.time](options, noise, sigma_data).clamp(*SIGMA_RANGE)


def _lognormal(options: DiffusionConfig, noise: Noise, sigma_data: float) -> Tensor:
    return _logit_normal(options, noise, sigma_data) * (sigma_data / EDM_SPREAD)


def _logit_normal(options: DiffusionConfig, noise: Noise, sigma_data: float) -> Tensor:
    return torch.exp(options.time_mean + options.time_std * noise.normal("time"))


def _uniform(options: DiffusionConfig, noise: Noise, sigma_data: float) -> Tensor:
    fraction = noise.uniform("time")
    if options.prediction in ("v", "epsilon"):
        table = ddpm_sigmas().float().to(fraction.device)
        return sigma_of(fraction * (len(table) - 1), table)
    return fraction / (1 - fraction)


_DISTRIBUTIONS: Mapping[str, Callable[[DiffusionConfig, Noise, float], Tensor]] = {
    "lognormal": _lognormal,
    "logit-normal": _logit_normal,
    "uniform": _uniform,
}
