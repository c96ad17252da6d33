"""The samplers on data whose denoiser is known, and against diffusers' on the same denoiser."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from genctl.families.diffusion.schedules import sigmas_for
from genctl.families.diffusion.solvers import SOLVERS, Fresh, ddim, heun, multistep
from tests.families.diffusion.known import Mixture

STOCHASTIC = sorted(name for name, solver in SOLVERS.items() if solver.stochastic)


def no_noise(step: int) -> Tensor:
    raise AssertionError("a deterministic sampler drew noise")


def noise_like(x: Tensor, seed: int = 1) -> Fresh:
    """Fresh normal numbers in the order of the calls."""
    generator = torch.Generator().manual_seed(seed)
    return lambda step: torch.randn(x.shape, generator=generator, dtype=x.dtype)


def start(count: int, sigma: float) -> Tensor:
    normal = torch.randn(count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return sigma * normal


def solved(function: Callable[..., Tensor], steps: int) -> Tensor:
    """Where a solver gets in so many steps, from fixed noise to nearly none."""
    sigmas = sigmas_for("karras", steps, low=0.02, high=10.0)[:-1]
    return function(Mixture(), start(64, 10.0), sigmas, no_noise)


@pytest.fixture(scope="module")
def exact() -> Tensor:
    return solved(heun, 4000)


@pytest.mark.parametrize(
    ("name", "order"), [("euler", 1), ("ddim", 1), ("heun", 2), ("dpmpp-2m", 2)]
)
def test_the_order_of_accuracy(name: str, order: int, exact: Tensor) -> None:
    """Twice the steps, half the error to the power of the order."""
    errors = [
        (solved(SOLVERS[name].function, steps) - exact).square().mean().sqrt().item()
        for steps in (100, 200, 400)
    ]
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert orders == pytest.approx([order] * 2, abs=0.25)


@pytest.mark.parametrize("name", SOLVERS)
def test_evaluations_are_as_announced_and_every_guess_is_watched(name: str) -> None:
    denoise, x, steps = Mixture(), start(5, 80.0), 9
    sigmas = sigmas_for("karras", steps)
    watched: list[Tensor] = []
    made = SOLVERS[name].function(
        denoise, x, sigmas, noise_like(x), lambda step, clean: watched.append(clean)
    )
    second = (SOLVERS[name].evaluations - 1) * (steps - 1)  # none in the step to 0
    assert len(denoise.seen) == steps + second
    assert 0 not in denoise.seen
    assert len(watched) == steps
    assert torch.equal(watched[-1], made)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_stochastic_samplers_end_in_the_distribution_of_the_data(name: str) -> None:
    data = Mixture()
    x = start(20_000, 20.0)
    sigmas = sigmas_for("karras", 120, low=0.01, high=20.0)
    made = SOLVERS[name].function(data, x, sigmas, noise_like(x))
    mean = sum(w * m for w, m in zip(data.shares, data.means, strict=True))
    second = sum(
        w * (m * m + s * s)
        for w, m, s in zip(data.shares, data.means, data.deviations, strict=True)
    )
    # Five standard errors of 20,000 samples, and 1 % for steps that are not infinitely small.
    assert made.mean().item() == pytest.approx(mean, abs=5 * 0.7 / 141 + 0.01)
    assert made.std().item() == pytest.approx(math.sqrt(second - mean**2), abs=0.02)
    left = (made < -0.4).double().mean().item()  # between the first two components
    assert left == pytest.approx(0.3 + 0.3 * 0.048, abs=0.02)


@pytest.mark.parametrize("solve", [ddim, multistep])
def test_other_noise_gives_other_samples(solve: Callable[..., Tensor]) -> None:
    x, sigmas = start(50, 80.0), sigmas_for("karras", 12)
    one, same, other = (
        solve(Mixture(), x, sigmas, noise_like(x, seed), eta=1.0) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert (one - other).abs().mean() > 0.1


def shrunk(sigma: float) -> float:
    """The factor that a variance-preserving process scales the image by."""
    return 1 / math.sqrt(1 + sigma**2)


def noise_guess(x: Tensor, sigma: float) -> Tensor:
    return (x - Mixture()(x, sigma)) / sigma


LINEAR: dict[str, Any] = {
    "beta_start": 1e-4,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "prediction_type": "epsilon",
}


def assert_agree(ours: Tensor, theirs: Tensor) -> None:
    """diffusers keeps its tables in float32."""
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5), (ours - theirs).abs().max()


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__")
@pytest.mark.parametrize("karras", [False, True])
def test_euler_is_that_of_diffusers(karras: bool) -> None:
    from diffusers import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler(**LINEAR, use_karras_sigmas=karras)
    scheduler.set_timesteps(15)
    sigmas = scheduler.sigmas.double()
    x = theirs = start(40, sigmas[0].item())
    for t, sigma in zip(scheduler.timesteps, sigmas.tolist(), strict=False):
        theirs = scheduler.step(noise_guess(theirs, sigma), t, theirs).prev_sample
    assert_agree(SOLVERS["euler"].function(Mixture(), x, sigmas, no_noise), theirs)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__")
def test_heun_is_that_of_diffusers() -> None:
    from diffusers import HeunDiscreteScheduler

    scheduler = HeunDiscreteScheduler(**LINEAR, use_karras_sigmas=True)
    scheduler.set_timesteps(15)
    doubled = scheduler.sigmas.double()  # every level but the ends twice
    sigmas = torch.cat([doubled[:1], doubled[1::2]])
    x = theirs = start(40, sigmas[0].item())
    for t, sigma in zip(scheduler.timesteps, doubled.tolist(), strict=False):
        theirs = scheduler.step(noise_guess(theirs, sigma), t, theirs).prev_sample
    assert_agree(heun(Mixture(), x, sigmas, no_noise), theirs.double())


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__")
@pytest.mark.parametrize(("name", "eta"), [("ddim", 0.0), ("ddim", 0.6), ("ddpm", 1.0)])
def test_ddim_and_ddpm_are_those_of_diffusers(name: str, eta: float) -> None:
    from diffusers import DDIMScheduler, DDPMScheduler

    kind = {"ddim": DDIMScheduler, "ddpm": DDPMScheduler}[name]
    scheduler = kind(**LINEAR, clip_sample=False)
    scheduler.set_timesteps(20)
    kept = scheduler.alphas_cumprod.double()[scheduler.timesteps]
    sigmas = torch.cat([((1 - kept) / kept).sqrt(), torch.zeros(1)])
    x = start(40, sigmas[0].item()).reshape(20, 2)  # DDPMScheduler looks at a second axis
    theirs = x * shrunk(sigmas[0].item())
    fresh = noise_like(x)
    generator = torch.Generator().manual_seed(1)
    for step, t in enumerate(scheduler.timesteps):
        sigma = sigmas[step].item()
        guess = noise_guess(theirs / shrunk(sigma), sigma)
        draws = {"eta": eta, "variance_noise": fresh(step)} if name == "ddim" else {}
        if name == "ddpm":
            draws = {"generator": generator}
        theirs = scheduler.step(guess, t, theirs, **draws).prev_sample
    own = {"eta": eta} if SOLVERS[name].takes_eta else {}
    assert_agree(SOLVERS[name].function(Mixture(), x, sigmas, noise_like(x), **own), theirs)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__")
@pytest.mark.parametrize(
    ("name", "theirs_is"), [("dpmpp-2m", "dpmsolver++"), ("dpmpp-2m-sde", "sde-dpmsolver++")]
)
@pytest.mark.parametrize("karras", [False, True])
def test_multistep_is_that_of_diffusers(name: str, theirs_is: str, karras: bool) -> None:
    from diffusers import DPMSolverMultistepScheduler

    scheduler = DPMSolverMultistepScheduler(
        **LINEAR, algorithm_type=theirs_is, use_karras_sigmas=karras, final_sigmas_type="zero"
    )
    scheduler.set_timesteps(20)
    sigmas = scheduler.sigmas.double()
    x = start(40, sigmas[0].item())
    theirs = x * shrunk(sigmas[0].item())
    fresh = noise_like(x)
    for step, t in enumerate(scheduler.timesteps):
        sigma = sigmas[step].item()
        guess = noise_guess(theirs / shrunk(sigma), sigma)
        draws = {"variance_noise": fresh(step)} if SOLVERS[name].stochastic else {}
        theirs = scheduler.step(guess, t, theirs, **draws).prev_sample
    assert_agree(SOLVERS[name].function(Mixture(), x, sigmas, noise_like(x)), theirs)
