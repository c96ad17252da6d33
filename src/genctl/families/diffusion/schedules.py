"""The noise levels of sampling, highest first, and the timesteps of DDPM."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError, opt, unknown

DDPM_STEPS = 1000
DDPM_BETAS = (1e-4, 0.02)
RHO = 7.0
KARRAS_RANGE = (0.002, 80.0)
FLOW_MAX = 80.0
FLOW_NOISE = 1e7
"""The level of flow time ``1 - 1e-7``: pure noise, where flow models begin, but for rounding."""


def ddpm_sigmas() -> Tensor:
    """The noise level of each timestep of DDPM with linear betas, lowest first.

    Ho et al. 2020, arXiv 2006.11239, section 4: betas from 1e-4 to 0.02. The paper scales an image
    by ``sqrt(a)`` and adds noise of variance ``1 - a``. Here the image is not scaled, so its noise
    has the standard deviation ``sqrt((1 - a) / a)``.

    Returns:
        (1000,) float64.
    """
    kept = (1 - torch.linspace(*DDPM_BETAS, DDPM_STEPS, dtype=torch.float64)).cumprod(0)
    return ((1 - kept) / kept).sqrt()


def timestep_of(sigma: Tensor, table: Tensor) -> Tensor:
    """The DDPM timestep of each noise level, interpolated linearly between whole timesteps.

    Args:
        sigma: (B,) float.
        table: `ddpm_sigmas`, on the device of ``sigma``.

    Returns:
        (B,) in [0, 999]; levels outside the table are clamped.
    """
    last = len(table) - 1
    below = ((sigma.unsqueeze(1) >= table).sum(1) - 1).clamp(0, last - 1)
    low, high = table[below], table[below + 1]
    return below + ((sigma - low) / (high - low)).clamp(0, 1)


def sigma_of(timestep: Tensor, table: Tensor) -> Tensor:
    """The noise level of each DDPM timestep: the inverse of `timestep_of`.

    Args:
        timestep: (B,) float in [0, 999].
        table: `ddpm_sigmas`, on the device of ``timestep``.
    """
    below = timestep.long().clamp(0, len(table) - 2)
    return torch.lerp(table[below], table[below + 1], timestep - below)


def karras(steps: int, low: float, high: float) -> Tensor:
    """Even steps of ``sigma ** (1 / 7)``, from ``high`` to ``low``, then 0.

    Karras et al. 2022, arXiv 2206.00364, equation 5.
    """
    ends = torch.tensor([high, low], dtype=torch.float64).pow(1 / RHO)
    return torch.lerp(ends[0], ends[1], _fractions(steps)).pow(RHO)


def linear(steps: int, low: float, high: float) -> Tensor:
    """Even steps of the DDPM timestep, from that of ``high`` to that of ``low``, then 0.

    From 999 to 0 these are diffusers' ``timestep_spacing="linspace"``.
    """
    table = ddpm_sigmas()
    ends = timestep_of(torch.tensor([high, low], dtype=torch.float64), table)
    return sigma_of(torch.lerp(ends[0], ends[1], _fractions(steps)), table)


def flow(steps: int, low: float, high: float) -> Tensor:
    """Even steps of flow time ``t = sigma / (1 + sigma)``, from ``high`` to ``low``, then 0."""
    ends = torch.tensor([high / (1 + high), low / (1 + low)], dtype=torch.float64)
    time = torch.lerp(ends[0], ends[1], _fractions(steps))
    return time / (1 - time)


SCHEDULES: Mapping[str, Callable[[int, float, float], Tensor]] = {
    "karras": karras,
    "linear": linear,
    "flow": flow,
}


def sigmas_for(schedule: str, steps: int, *, low: float = 0.0, high: float = 0.0) -> Tensor:
    """The noise levels of ``steps`` steps.

    Args:
        schedule: a name in `SCHEDULES`.
        steps: the number of steps to 0.
        low, high: the last and the first level before 0. If they are 0, ``karras`` uses 0.002 and
            80, and ``linear`` the levels of DDPM's first and last timestep; ``flow`` goes from 80
            to 0 in even steps.

    Returns:
        (steps + 1,) float64, falling, its last entry 0.

    Raises:
        GenctlError: no such schedule, no steps, or ``low`` is not below ``high``.
    """
    if schedule not in SCHEDULES:
        raise unknown("schedule", schedule, SCHEDULES, option="schedule")
    if steps < 1:
        raise GenctlError(
            ExitStatus.USAGE, f"{opt('steps', steps)} is below 1", option="steps", suggest=18
        )
    low, high = _ends(schedule, steps, low, high)
    if not 0 < low <= high < math.inf or (steps > 1 and low == high):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('sigma_min', low)} is not below {opt('sigma_max', high)}",
            hint=f"leave {opt('sigma_min')} and {opt('sigma_max')} out",
            option="sigma_min",
        )
    sigmas = SCHEDULES[schedule](steps, low, high)
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def _ends(schedule: str, steps: int, low: float, high: float) -> tuple[float, float]:
    if schedule == "linear":
        first, last = (float(sigma) for sigma in ddpm_sigmas()[[0, -1]])
        # The table ends here, and steps beyond it would not change the level.
        return max(low or first, first), min(high or last, last)
    if schedule == "flow":
        high = high or FLOW_MAX
        if steps == 1:
            return low or high, high
        time = high / (1 + high) / steps
        return low or time / (1 - time), high
    return low or KARRAS_RANGE[0], high or KARRAS_RANGE[1]


def _fractions(steps: int) -> Tensor:
    """``steps`` points from 0 to 1; only 0 if there is one point."""
    return torch.arange(steps, dtype=torch.float64) / max(steps - 1, 1)
