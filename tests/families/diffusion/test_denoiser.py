from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from genctl.families.diffusion.denoiser import Denoiser, guided
from genctl.families.diffusion.scaling import PREDICTIONS
from genctl.families.diffusion.schedules import ddpm_sigmas
from tests.families.diffusion.known import Cheat

predictions = st.sampled_from(sorted(PREDICTIONS))
levels = st.floats(0.002, 150)


def clean_and_noise(rows: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.rand(rows, 2, 4, 3, generator=generator) * 2 - 1,
        torch.randn(rows, 2, 4, 3, generator=generator),
    )


def told(prediction: str, sigma: Tensor) -> tuple[Denoiser, Cheat, Tensor, Tensor]:
    """A denoiser whose network predicts exactly what it is trained to."""
    clean, noise = clean_and_noise(len(sigma))
    at = Denoiser(Cheat(clean), prediction, 0.6).scaling(sigma)
    rows = (-1, 1, 1, 1)
    network = Cheat(at.clean.reshape(rows) * clean + at.noise.reshape(rows) * noise)
    return Denoiser(network, prediction, 0.6), network, clean, noise


@given(prediction=predictions, sigma=st.lists(levels, min_size=1, max_size=4))
def test_a_perfect_prediction_gives_the_clean_image_and_no_error(
    prediction: str, sigma: list[float]
) -> None:
    level = torch.tensor(sigma)
    denoiser, _, clean, noise = told(prediction, level)
    rows = level.reshape(-1, 1, 1, 1)
    found = denoiser(clean + rows * noise, level)
    assert (found - clean).abs().div(1 + rows).max() < 1e-5
    assert denoiser.errors(clean, noise, level, None).max() < 1e-10


@given(prediction=predictions, sigma=levels)
def test_the_error_is_that_of_the_denoiser_over_the_square_of_what_scales_the_network(
    prediction: str, sigma: float
) -> None:
    clean, noise = clean_and_noise()
    level = torch.full((3,), sigma)
    denoiser = Denoiser(Cheat(torch.flip(noise, [0])), prediction, 0.6).double()
    found = denoiser((clean + sigma * noise).double(), level.double())
    weighed = (found - clean).square().flatten(1).mean(1) / denoiser.scaling(
        level.double()
    ).out ** 2
    error = denoiser.errors(clean, noise, level, None)
    assert torch.allclose(error, weighed.float(), rtol=1e-3)


@pytest.mark.parametrize("prediction", sorted(PREDICTIONS))
def test_the_network_sees_images_of_about_unit_size_and_moderate_times(prediction: str) -> None:
    level = torch.tensor([0.002, 0.5, 80.0])
    denoiser, network, clean, noise = told(prediction, level)
    denoiser(clean + level.reshape(-1, 1, 1, 1) * noise, level)
    assert network.x.square().mean().sqrt() < 1.5
    assert network.time.abs().max() < 2000
    assert (network.time.diff() > 0).all()


def test_flow_goes_straight_from_image_to_noise() -> None:
    time = torch.tensor([0.1, 0.5, 0.9])
    level = time / (1 - time)
    denoiser, network, clean, noise = told("flow", level)
    assert torch.allclose(network.answer, noise - clean)
    denoiser(clean + level.reshape(-1, 1, 1, 1) * noise, level)
    rows = time.reshape(-1, 1, 1, 1)
    assert torch.allclose(network.x, torch.lerp(clean, noise, rows), atol=1e-6)
    assert torch.allclose(network.time, 1000 * time)


@pytest.mark.parametrize("scale", [0.0, 0.4, 1.0, 3.0])
def test_guidance_goes_from_no_class_through_the_class(scale: float) -> None:
    calls: list[list[int]] = []

    def denoise(x: Tensor, sigma: Tensor, label: Tensor) -> Tensor:
        calls.append(label.tolist())
        return label.reshape(-1, 1, 1, 1) + x * sigma.reshape(-1, 1, 1, 1)

    x, sigma, label = torch.randn(2, 1, 2, 2), torch.tensor([0.5, 2.0]), torch.tensor([3, 1])
    found = guided(denoise, scale, null=10)(x, sigma, label)
    expected = 10 + scale * (label - 10).reshape(-1, 1, 1, 1) + x * sigma.reshape(-1, 1, 1, 1)
    assert torch.allclose(found, expected, atol=1e-5)
    assert calls == {0.0: [[10, 10]], 1.0: [[3, 1]]}.get(scale, [[3, 1, 10, 10]])


@pytest.mark.oracle
@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_what_the_network_sees_and_learns_is_that_of_ddpm(prediction: str) -> None:
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    timesteps = torch.tensor([0, 1, 250, 500, 998, 999])
    level = ddpm_sigmas()[timesteps].float()
    denoiser, network, clean, noise = told(prediction, level)
    denoiser(clean + level.reshape(-1, 1, 1, 1) * noise, level)
    assert torch.allclose(network.time, timesteps.float(), atol=1e-2)
    assert torch.allclose(network.x, scheduler.add_noise(clean, noise, timesteps), atol=1e-4)
    target = noise if prediction == "epsilon" else scheduler.get_velocity(clean, noise, timesteps)
    assert torch.allclose(network.answer, target, atol=1e-4)


@pytest.mark.oracle
def test_edm_scales_as_diffusers_does() -> None:
    from diffusers import EDMEulerScheduler

    clean, noise = clean_and_noise()
    scheduler: Any = EDMEulerScheduler(sigma_data=0.6)
    for sigma in (0.01, 0.6, 40.0):
        level = torch.full((3,), sigma)
        network = Cheat(noise)
        found = Denoiser(network, "edm", 0.6)(clean + sigma * noise, level)
        x = clean + sigma * noise
        assert torch.allclose(network.x, scheduler.precondition_inputs(x, sigma), atol=1e-6)
        assert torch.allclose(network.time, 1000 * scheduler.precondition_noise(level))
        theirs = scheduler.precondition_outputs(x, noise, level[0])
        assert torch.allclose(found, theirs, rtol=1e-5, atol=1e-5)


def test_images_that_are_all_alike_can_be_scaled() -> None:
    clean, noise = clean_and_noise()
    level = torch.full((3,), 0.5)
    assert Denoiser(Cheat(noise), "edm", 0.0)(clean, level).isfinite().all()
