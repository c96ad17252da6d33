from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from genctl import config
from genctl.contracts import Batch, DataSpec, Feature, Trained
from genctl.engine.sampling.noise import KeyedNoise
from genctl.errors import GenctlError
from genctl.families.diffusion.denoiser import Denoiser
from genctl.families.diffusion.networks.unet import UNet
from genctl.families.diffusion.objective import DiffusionObjective
from genctl.families.diffusion.spec import SPEC
from genctl.families.diffusion.times import draw_sigmas
from tests.families.diffusion.known import Cheat, data_spec

SMALL = ("width=8", "multiples=1", "attention=", "patch=2", "time_std=0.8")


def objective(*sets: str, data: DataSpec | None = None, **parents: Trained) -> DiffusionObjective:
    torch.manual_seed(0)
    resolved = config.resolve(SPEC, environ={}, sets=[*SMALL, *sets])
    return DiffusionObjective(resolved, data or data_spec(), parents)


def unet(made: DiffusionObjective) -> UNet:
    denoiser = made.modules["denoiser"]
    assert isinstance(denoiser, Denoiser)
    assert isinstance(denoiser.network, UNet)
    return denoiser.network


def at(positions: Sequence[int]) -> Any:
    """What the engine would tell an objective about these examples."""
    return SimpleNamespace(noise=KeyedNoise((0,), positions))


def batch(rows: int, shape: tuple[int, ...] = (1, 8, 8)) -> Batch:
    images = torch.rand(rows, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Batch({"image": images, "label": torch.arange(rows) % 3}, range(rows))


@pytest.mark.parametrize(
    ("prediction", "time"),
    [("flow", "logit-normal"), ("edm", "lognormal"), ("v", "uniform"), ("epsilon", "uniform")],
)
def test_it_learns_one_batch(prediction: str, time: str) -> None:
    made = objective(f"prediction={prediction}", f"time={time}", "label_dropout=0")
    examples = batch(16)
    optimizer = torch.optim.Adam(made.modules["denoiser"].parameters(), 1e-2)
    losses = []
    for _ in range(25):
        found = made.loss("train", examples, at(examples.positions))
        assert found.weight == 16
        optimizer.zero_grad()
        (found.total / found.weight).backward()
        optimizer.step()
        losses.append(found.total.item())
    assert losses[-1] < 0.7 * losses[0]


def test_the_loss_does_not_depend_on_how_a_batch_is_cut() -> None:
    made = objective()
    torch.nn.init.normal_(unet(made).conv_out.weight)
    whole = batch(6)
    parts = [whole.rows(0, 2), whole.rows(2, 6)]
    total = made.loss("train", whole, at(whole.positions)).total
    cut = [made.loss("train", part, at(part.positions)).total for part in parts]
    assert torch.allclose(total, sum(cut, torch.zeros(())), rtol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_labels_are_hidden_row_by_row(share: float) -> None:
    made = objective(f"label_dropout={share}")
    network = Cheat(torch.zeros(2000, 1, 8, 8))
    made.modules["denoiser"].network = network
    examples = batch(2000)
    made.loss("train", examples, at(examples.positions))
    assert network.label is not None
    hidden = network.label == 3
    assert hidden.double().mean().item() == pytest.approx(share, abs=0.05)
    assert torch.equal(network.label[~hidden], examples["label"][~hidden])


def test_images_without_classes_train_without_labels() -> None:
    made = objective(data=data_spec((3, 5, 7), classes=()))
    examples = Batch({"image": batch(4, (3, 5, 7))["image"]}, range(4))
    assert made.loss("train", examples, at(range(4))).total.isfinite()


def draw(*sets: str, spread: float = 0.5, rows: int = 4000) -> Tensor:
    options = config.resolve(SPEC, environ={}, sets=sets).model
    return draw_sigmas(options, KeyedNoise((1,), range(rows), block=16), spread)


def test_the_two_normal_distributions_differ_by_the_spread_of_the_data() -> None:
    sets = ("time_mean=-1.2", "time_std=1.2")
    logit = draw("time=logit-normal", *sets, spread=0.25).log()
    edm = draw("time=lognormal", *sets, spread=0.25).log()
    assert logit.mean().item() == pytest.approx(-1.2, abs=0.1)
    assert logit.std().item() == pytest.approx(1.2, abs=0.1)
    assert torch.allclose(edm, logit - math.log(2), atol=1e-4)


@pytest.mark.parametrize(("prediction", "middle"), [("flow", 1.0), ("v", 3.55)])
def test_uniform_times_are_those_of_the_prediction(prediction: str, middle: float) -> None:
    """Half of flow time is sigma = 1; half of DDPM's timesteps are at about 3.55."""
    sigma = draw("time=uniform", f"prediction={prediction}")
    assert sigma.median().item() == pytest.approx(middle, rel=0.1)
    assert sigma.min() > 0
    assert sigma.isfinite().all()


def test_two_averages_of_different_length_are_kept() -> None:
    short, long = objective().ema["denoiser"]
    assert (short.name, long.name) == ("ema", "ema-long")
    assert short.halflife < long.halflife
    assert short.warmup < long.warmup
    assert objective("ema_halflife=0").ema == {}


def parent(made: DiffusionObjective) -> Trained:
    return Trained("diffusion", None, data_spec(), made.modules)


def test_training_begins_with_the_weights_of_another_run() -> None:
    first = objective()
    torch.nn.init.normal_(unet(first).conv_in.weight)
    second = objective(init=parent(first))
    for name, value in first.modules["denoiser"].state_dict().items():
        assert torch.equal(value, second.modules["denoiser"].state_dict()[name])


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (("prediction=v",), "the run of init predicts 'flow', not 'v'"),
        (("width=16",), "the network of init has width 8, and the model needs 16"),
    ],
)
def test_a_run_of_another_kind_cannot_be_begun_with(sets: tuple[str, ...], words: str) -> None:
    with pytest.raises(GenctlError, match=words):
        objective(*sets, init=parent(objective()))


DIT = ("network=dit", "width=24", "heads=3", "time_std=0.8")


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (DIT, (*DIT, "heads=6"), "has heads 3, and the model needs 6"),
        (("condition=scale",), ("condition=shift",), "has scales true, and the model needs false"),
        (DIT, (), "is of another type"),
    ],
)
def test_a_network_whose_weights_would_mean_something_else_is_refused(
    first: tuple[str, ...], second: tuple[str, ...], words: str
) -> None:
    with pytest.raises(GenctlError, match=words):
        objective(*second, init=parent(objective(*first)))


def test_the_network_is_built_for_the_images_whatever_comes_first() -> None:
    images = data_spec()
    features = {"tokens": Feature("tokens", (77,), 100), **images.features}
    made = objective(data=dataclasses.replace(images, features=features))
    assert made.modules["denoiser"].network.shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (("multiples=1,x",), 'multiples="1,x" is not a list of whole numbers'),
        (("multiples=1,0",), 'multiples="1,0" is not a list'),
        (("multiples=１,２",), 'multiples="１,２" is not a list'),
        (("attention=3", "multiples=1,2"), 'attention="3" names level 3, and there are 2'),
        (("width=9",), "width=9 is not a multiple of 2"),
        (("network=dit", "width=64", "heads=6"), "width=64 is not a multiple of 12"),
        (("time_mean=nan",), "time_mean=nan"),
        (("network=unett",), 'network="unett" .*did you mean'),
    ],
)
def test_options_that_fit_no_network_are_one_line(sets: tuple[str, ...], words: str) -> None:
    with pytest.raises(GenctlError, match=words) as caught:
        objective(*sets)
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("preset", SPEC.presets)
def test_every_preset_describes_a_network(preset: str) -> None:
    shapes = {"digits": (1, 28, 28), "digits-gpu": (1, 28, 28), "base-64": (3, 64, 64)}
    shape = shapes.get(preset, (3, 32, 32))
    resolved = config.resolve(SPEC, preset=preset, environ={})
    with torch.device("meta"):
        made = DiffusionObjective(resolved, data_spec(shape), {})
    millions = sum(p.numel() for p in made.modules["denoiser"].parameters()) / 1e6
    expected = {"digits": 0.39, "digits-gpu": 4.75, "small-32": 15, "dit-s": 33}
    assert millions == pytest.approx(expected.get(preset, 56), rel=0.1)
