"""The samplers: functions that go from noise to an image with a denoiser.

All of them work on ``x = x0 + sigma * n``, where the probability-flow equation is
``dx / dsigma = (x - D(x, sigma)) / sigma`` (Karras et al. 2022, arXiv 2206.00364, equations 1 and
3). Methods that were published for images that are scaled down with more noise have the same steps
here: dividing by the scale converts one form into the other.

A solver's arguments:
    denoise: ``(x, sigma) -> x0``, the estimate of the clean image.
    x: (B, ...) float at the first noise level; float64 avoids rounding errors over many steps.
    sigmas: (steps + 1,) float64, falling; the last may be 0.
    noise: number of a step -> standard normal numbers shaped as ``x``; at most one call per step.
    watch: called with the number of each step and its estimate of the clean image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from torch import Tensor

Denoise = Callable[[Tensor, float], Tensor]
Fresh = Callable[[int], Tensor]
Watch = Callable[[int, Tensor], None]


def unwatched(step: int, clean: Tensor) -> None:
    """Do nothing."""


def ddim(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Fresh,
    watch: Watch = unwatched,
    *,
    eta: float = 0.0,
) -> Tensor:
    """First order: keep the estimates of image and noise, and replace a part of the noise.

    Song et al. 2020, arXiv 2010.02502, equations 12 and 16, where dividing by ``sqrt(alpha)``
    gives new noise of standard deviation ``eta * low * sqrt(1 - (low / high) ** 2)``. ``eta = 0``
    is Euler's method on the probability-flow equation; ``eta = 1`` is DDPM's posterior (Ho et al.
    2020, arXiv 2006.11239, equation 7) as well as the ancestral Euler step.

    Args:
        eta: from 0 (no new noise) to 1.
    """
    for step, (high, low) in enumerate(pairwise(sigmas.tolist())):
        clean = denoise(x, high)
        watch(step, clean)
        gone = eta**2 * (1 - (low / high) ** 2)
        x = clean + low * math.sqrt(1 - gone) / high * (x - clean)
        if gone and low:
            x = x + low * math.sqrt(gone) * noise(step)
    return x


def heun(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Fresh, watch: Watch = unwatched
) -> Tensor:
    """Second order: Euler's step, repeated with the mean of the slopes at both ends.

    Karras et al. 2022, arXiv 2206.00364, algorithm 1; the step to 0 is Euler's.
    """
    for step, (high, low) in enumerate(pairwise(sigmas.tolist())):
        clean = denoise(x, high)
        watch(step, clean)
        slope = (x - clean) / high
        guess = clean + low * slope
        if low:
            slope = (slope + (guess - denoise(guess, low)) / low) / 2
            x = x + (low - high) * slope
        else:
            x = guess
    return x


def multistep(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Fresh,
    watch: Watch = unwatched,
    *,
    eta: float = 0.0,
) -> Tensor:
    """Second order with one evaluation per step: extrapolates from the last two estimates.

    Lu et al. 2022, arXiv 2211.01095 (DPM-Solver++): 2M, algorithm 2, and with ``eta = 1`` its SDE
    form, appendix A. The first step, and one to 0, are of first order.

    Args:
        eta: 0 solves the probability-flow equation, 1 the reverse diffusion.
    """
    earlier, length = x, 0.0  # the estimate and the length in -ln(sigma) of the previous step
    for step, (high, low) in enumerate(pairwise(sigmas.tolist())):
        clean = denoise(x, high)
        watch(step, clean)
        if not low:
            x = clean
            continue
        now = math.log(high / low)
        share = -math.expm1(-(1 + eta) * now)
        target = clean if not length else clean + (clean - earlier) * (now / length / 2)
        x = x + share * (target - x)
        if eta:
            x = x + low * math.sqrt(-math.expm1(-2 * eta * now)) * noise(step)
        earlier, length = clean, now
    return x


@dataclass(frozen=True)
class Solver:
    """A sampler by name.

    Attributes:
        function: the solver, with the arguments in the docstring of this module.
        evaluations: evaluations of the denoiser per step.
        stochastic: whether it adds noise in the steps.
        takes_eta: whether the caller chooses ``eta``.
        from_noise: whether it may begin at pure noise: its steps stay of the images' size however
            high the first level is.
    """

    function: Callable[..., Tensor]
    evaluations: int = 1
    stochastic: bool = False
    takes_eta: bool = False
    from_noise: bool = True


SOLVERS: Mapping[str, Solver] = {
    "dpmpp-2m": Solver(multistep),
    "heun": Solver(heun, evaluations=2, from_noise=False),
    "euler": Solver(ddim),
    "ddim": Solver(ddim, takes_eta=True),
    "dpmpp-2m-sde": Solver(partial(multistep, eta=1.0), stochastic=True),
    "euler-ancestral": Solver(partial(ddim, eta=1.0), stochastic=True),
    "ddpm": Solver(partial(ddim, eta=1.0), stochastic=True),
}
