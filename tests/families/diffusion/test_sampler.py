from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genctl import config
from genctl.contracts import Batch, DataSpec
from genctl.engine.sampling.noise import KeyedNoise
from genctl.errors import ExitStatus, GenctlError
from genctl.families.diffusion.denoiser import Denoiser
from genctl.families.diffusion.objective import DiffusionObjective
from genctl.families.diffusion.sampler import DiffusionSampler
from genctl.families.diffusion.schedules import FLOW_NOISE, SCHEDULES, sigmas_for
from genctl.families.diffusion.solvers import SOLVERS
from genctl.families.diffusion.spec import SPEC, DiffusionRequest
from tests.families.diffusion.known import data_spec

SHAPE = (1, 8, 8)


class Recorder(nn.Module):
    """A denoiser that believes in images of one grey by class, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def forward(self, x: Tensor, sigma: Tensor, label: Tensor | None = None) -> Tensor:
        self.calls.append((x, sigma, label))
        grey = torch.zeros(len(x)) if label is None else label / 5 - 0.5
        weight = 0.09 / (0.09 + sigma**2)
        return torch.lerp(grey.reshape(-1, 1, 1, 1).expand_as(x), x, weight.reshape(-1, 1, 1, 1))


def sampler(denoiser: nn.Module, *sets: str, data: DataSpec | None = None) -> DiffusionSampler:
    resolved = config.resolve(SPEC, environ={}, sets=sets)
    return DiffusionSampler(resolved, data or data_spec(SHAPE), {"denoiser": denoiser}, {})


def noise(count: int, first: int = 0) -> KeyedNoise:
    return KeyedNoise((7,), range(first, first + count))


def condition(rows: int, **tensors: Tensor) -> Batch:
    return Batch(tensors, range(rows))


def image(rows: int, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.rand(rows, *shape, generator=torch.Generator().manual_seed(3)) * 2 - 1


def left_half(rows: int) -> Tensor:
    """A hole in the left half."""
    mask = torch.zeros(rows, 1, 8, 8)
    mask[..., :4] = 1
    return mask


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("network", ["unet", "dit"])
def test_a_sample_is_the_same_whatever_is_beside_it(name: Any, network: str) -> None:
    sets = (f"network={network}", "width=24", "multiples=1", "attention=1")
    torch.manual_seed(0)
    denoiser = DiffusionObjective(
        config.resolve(SPEC, environ={}, sets=sets), data_spec(SHAPE), {}
    ).modules["denoiser"]
    for parameter in denoiser.parameters():
        nn.init.normal_(parameter, std=0.1)
    made = sampler(denoiser.eval(), *sets)
    request = DiffusionRequest(steps=3, sampler=name, guidance=2.0)
    label = torch.arange(5) % 3
    together = made.sample(request, condition(5, label=label), noise(5))
    assert together.shape == (5, *SHAPE)
    assert together.dtype == torch.float32
    for k in range(5):
        alone = made.sample(request, condition(1, label=label[k : k + 1]), noise(1, first=k))
        assert torch.allclose(alone[0], together[k], atol=1e-4)


@pytest.mark.parametrize("name", SOLVERS)
def test_inpainting_keeps_the_image_exactly_and_fills_the_hole(name: Any) -> None:
    denoiser, given, mask = Recorder(), image(4), left_half(4)
    request = DiffusionRequest(steps=6, sampler=name)
    made = sampler(denoiser).sample(
        request, condition(4, image=given, mask=mask, label=torch.full((4,), 2)), noise(4)
    )
    assert torch.equal(made[..., 4:], given[..., 4:])
    assert (made[..., :4] - given[..., :4]).abs().mean() > 0.1
    for x, sigma, _ in denoiser.calls:  # around the hole it always sees the image with its noise
        standard = (x[..., 4:] - given[..., 4:]) / sigma.reshape(-1, 1, 1, 1)
        assert standard.std().item() == pytest.approx(1, abs=0.35)


def test_an_image_to_start_from_gets_the_noise_of_a_later_step() -> None:
    denoiser, given = Recorder(), image(3)
    request = DiffusionRequest(steps=10, sampler="euler", strength=0.4)
    made = sampler(denoiser)
    made.sample(request, condition(3, image=given), noise(3))
    assert [sigma[0].item() for _, sigma, _ in denoiser.calls] == pytest.approx(
        sigmas_for("karras", 10)[6:-1].tolist()
    )
    first, sigma, _ = denoiser.calls[0]
    standard = (first - given) / sigma.reshape(-1, 1, 1, 1)
    assert torch.allclose(standard, noise(3).normal("start", *SHAPE), atol=1e-4)


class Velocity(nn.Module):
    """A network that is no denoiser of anything, in which time matters."""

    def forward(self, x: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        return (2 * x + (time / 100).reshape(-1, 1, 1, 1)).sin() - x / 3


@pytest.mark.parametrize("steps", [1, 2, 20])
def test_even_steps_of_flow_time_are_eulers_from_pure_noise(steps: int) -> None:
    velocity, begun = Velocity(), noise(3).normal("start", *SHAPE)
    request = DiffusionRequest(steps=steps, sampler="euler", schedule="flow")
    made = sampler(Denoiser(velocity, "flow", 0.5)).sample(request, condition(3), noise(3))
    expected = begun.double()
    for step in range(steps):
        time = torch.full((3,), 1000 * (1 - step / steps), dtype=torch.float64)
        expected = expected - velocity(expected, time) / steps
    assert torch.allclose(made.double(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("prediction", "options", "first"),
    [
        ("flow", {"sampler": "euler"}, FLOW_NOISE),
        ("flow", {"sampler": "dpmpp-2m"}, FLOW_NOISE),
        ("flow", {"sampler": "heun"}, 80.0),
        ("flow", {"sampler": "euler", "sigma_max": 30.0}, 30.0),
        ("epsilon", {"sampler": "euler"}, 80.0),
        ("edm", {"sampler": "euler"}, 80.0),
    ],
)
def test_only_a_network_that_can_denoise_pure_noise_begins_there(
    prediction: str, options: dict[str, Any], first: float
) -> None:
    denoiser = Recorder()
    request = DiffusionRequest(steps=4, schedule="flow", **options)
    made = sampler(denoiser, f"prediction={prediction}").sample(request, condition(2), noise(2))
    assert denoiser.calls[0][1][0].item() == pytest.approx(first)
    assert made.isfinite().all()


def test_less_strength_stays_closer_to_the_image() -> None:
    given = image(8)
    away = []
    for strength in (0.01, 0.3, 1.0):
        request = DiffusionRequest(steps=20, strength=strength)
        made = sampler(Recorder()).sample(request, condition(8, image=given), noise(8))
        away.append((made - given).abs().mean().item())
    assert away == sorted(away)
    assert away[0] < 0.02 < 0.3 < away[-1]


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("inpaint", [False, True])
def test_a_trajectory_ends_at_the_sample(name: Any, inpaint: bool) -> None:
    request = DiffusionRequest(steps=5, sampler=name)
    given = {"image": image(2), "mask": left_half(2)} if inpaint else {}
    made = sampler(Recorder())
    path = made.trajectory(request, condition(2, **given), noise(2))
    assert path.shape == (5, 2, *SHAPE)
    assert torch.equal(path[-1], made.sample(request, condition(2, **given), noise(2)))


def test_labels_reach_the_network_and_their_absence_is_a_class() -> None:
    denoiser = Recorder()
    made = sampler(denoiser)
    request = DiffusionRequest(steps=1)
    made.sample(request, condition(2, label=torch.tensor([2, 0])), noise(2))
    made.sample(request, condition(2), noise(2))
    sampler(denoiser, data=data_spec(SHAPE, classes=())).sample(request, condition(2), noise(2))
    labels = [None if label is None else label.tolist() for _, _, label in denoiser.calls]
    assert labels == [[2, 0], [3, 3], None]


def test_what_a_model_follows() -> None:
    by_class = {"label", "image", "mask"}
    assert sampler(Recorder()).conditions == by_class
    plain = sampler(Recorder(), data=data_spec(SHAPE, classes=()))
    assert plain.conditions == by_class - {"label"}


@pytest.mark.parametrize(
    ("options", "given", "words", "code"),
    [
        ({}, {"image": image(2, (3, 8, 8))}, "the image is 3x8x8; the model needs 1x8x8", 3),
        ({}, {"image": image(2), "mask": torch.ones(2, 1, 9, 8)}, "the mask is 1x9x8", 3),
        ({}, {"mask": left_half(2)}, "a mask needs the image", 2),
        ({"eta": 0.5}, {}, "eta=0.5 is for the sampler ddim, not for dpmpp-2m", 2),
        ({"strength": 0.9}, {}, "strength=0.9 is for starting from an image, and there is no", 2),
        (
            {"strength": 0.9},
            {"image": image(2), "mask": left_half(2)},
            "and a mask decides what is kept",
            2,
        ),
        ({"sigma_min": 0.9, "sigma_max": 0.5}, {}, "is not below sigma_max", 2),
    ],
)
def test_what_does_not_go_together_is_one_line(
    options: dict[str, Any], given: dict[str, Tensor], words: str, code: int
) -> None:
    with pytest.raises(GenctlError, match=words) as caught:
        sampler(Recorder()).sample(DiffusionRequest(**options), condition(2, **given), noise(2))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("sets", "classes", "words"),
    [((), (), "has no classes"), (("label_dropout=0",), ("一", "二"), "was always given one")],
)
def test_guidance_needs_a_model_that_knows_classes_and_none(
    sets: tuple[str, ...], classes: tuple[str, ...], words: str
) -> None:
    made = sampler(Recorder(), *sets, data=data_spec(SHAPE, classes=classes))
    with pytest.raises(GenctlError, match=words) as caught:
        made.sample(DiffusionRequest(guidance=2.0), condition(2), noise(2))
    assert caught.value.code == ExitStatus.USAGE


def test_the_run_s_own_guidance_means_nothing_where_there_is_no_class_to_follow() -> None:
    sets = ("sample.guidance=1.5",)
    made = sampler(Recorder(), *sets, data=data_spec(SHAPE, classes=()))
    as_learned, as_usual = (
        made.sample(DiffusionRequest(steps=2, guidance=scale), condition(2), noise(2))
        for scale in (1.0, 1.5)
    )
    assert torch.equal(as_learned, as_usual)


@pytest.mark.parametrize(
    "texts",
    [
        {"steps": "0"},
        {"guidance": "nan"},
        {"guidance": "inf"},
        {"guidance": "-1"},
        {"sampler": "hoin"},
        {"eta": "2"},
        {"strength": "0"},
        {"sigma-max": "nan"},
    ],
)
def test_options_out_of_range_are_one_line(texts: dict[str, str]) -> None:
    with pytest.raises(GenctlError) as caught:
        config.request_from(SPEC, texts)
    assert caught.value.code == ExitStatus.USAGE
    name = next(iter(texts)).replace("-", "_")
    assert caught.value.message.startswith(f"{name}=")
    assert caught.value.option == name
    assert "\n" not in caught.value.message


def test_the_options_name_every_sampler_and_schedule() -> None:
    types = {option.key: option.type for option in config.request_options(SPEC)}
    assert set(types["sampler"].split("|")) == set(SOLVERS)
    assert set(types["schedule"].split("|")) == set(SCHEDULES)
