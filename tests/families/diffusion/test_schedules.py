from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genctl.errors import ExitStatus, GenctlError
from genctl.families.diffusion.schedules import (
    SCHEDULES,
    ddpm_sigmas,
    sigma_of,
    sigmas_for,
    timestep_of,
)

names = st.sampled_from(sorted(SCHEDULES))


@given(
    name=names,
    steps=st.integers(1, 300),
    low=st.just(0.0) | st.floats(1e-3, 0.5),
    high=st.just(0.0) | st.floats(1, 150),
)
def test_noise_falls_in_every_step_and_ends_at_zero(
    name: str, steps: int, low: float, high: float
) -> None:
    sigmas = sigmas_for(name, steps, low=low, high=high)
    assert sigmas.shape == (steps + 1,)
    assert sigmas.dtype == torch.float64
    assert (sigmas.diff() < 0).all()
    assert sigmas[-1] == 0
    if high:
        assert sigmas[0] == pytest.approx(high)
    if low and steps > 1:
        least = ddpm_sigmas()[0].item() if name == "linear" else 0
        assert sigmas[-2] == pytest.approx(max(low, least))


def test_flow_takes_even_steps_of_time_to_zero() -> None:
    sigmas = sigmas_for("flow", 20, high=19.0)
    time = sigmas / (1 + sigmas)
    assert torch.allclose(time, torch.linspace(0.95, 0, 21, dtype=torch.float64))


@given(st.lists(st.floats(0, 999), min_size=1, max_size=8))
def test_timesteps_and_noise_levels_are_each_others_inverse(timesteps: list[float]) -> None:
    table = ddpm_sigmas()
    given_steps = torch.tensor(timesteps, dtype=torch.float64)
    assert torch.allclose(timestep_of(sigma_of(given_steps, table), table), given_steps, atol=1e-9)


def test_levels_beyond_those_of_ddpm_get_its_ends() -> None:
    table = ddpm_sigmas()
    levels = torch.tensor([1e-6, 1e6], dtype=torch.float64)
    assert timestep_of(levels, table).tolist() == [0, 999]


def test_a_network_described_without_memory_leaves_the_levels_as_they_are() -> None:
    with torch.device("meta"):
        ddpm_sigmas()
    assert ddpm_sigmas().device.type == "cpu"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"schedule": "karas"}, "did you mean 'karras'"),
        ({"steps": 0}, "steps=0 is below 1"),
        ({"low": 2.0, "high": 1.0}, "sigma_min=2.0 is not below sigma_max=1.0"),
        ({"schedule": "linear", "low": 200.0}, "is not below"),
    ],
)
def test_what_cannot_be_is_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(GenctlError, match=words) as caught:
        sigmas_for(**{"schedule": "karras", "steps": 5, **options})
    assert caught.value.code == ExitStatus.USAGE


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__")
@pytest.mark.parametrize("steps", [2, 10, 37])
def test_the_levels_are_those_of_diffusers(steps: int) -> None:
    from diffusers import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler(
        beta_start=1e-4, beta_end=0.02, beta_schedule="linear", timestep_spacing="linspace"
    )
    scheduler.set_timesteps(steps)
    theirs = scheduler.sigmas.double()
    assert torch.allclose(sigmas_for("linear", steps), theirs, rtol=1e-4, atol=1e-5)

    bounded = EulerDiscreteScheduler(use_karras_sigmas=True, sigma_min=0.002, sigma_max=80.0)
    bounded.set_timesteps(steps)
    assert torch.allclose(sigmas_for("karras", steps), bounded.sigmas.double(), rtol=1e-5)


@pytest.mark.parametrize("high", [0.0, 0.3, 5.0, 80.0])
def test_one_step_of_flow_begins_at_the_first_level(high: float) -> None:
    assert sigmas_for("flow", 1, high=high).tolist() == pytest.approx([high or 80.0, 0.0])
