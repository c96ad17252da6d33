from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from genctl.contracts import OptimizerSpec, Schedule
from genctl.engine.optim.optimizers import Optimizers
from genctl.weights import load_tensors, save_tensors

SPEC = OptimizerSpec(
    "muon", ("*",), 0.02, (0.9, 0.95), 0.1, schedule=Schedule(0.1, 0.5), adamw_lr=3e-3
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 8)
        self.conv = nn.Conv2d(2, 4, 3)
        self.body = nn.Linear(8, 8)
        self.head = nn.Linear(8, 5)


def built(spec: OptimizerSpec) -> tuple[Net, Optimizers]:
    torch.manual_seed(0)
    net = Net()
    return net, Optimizers({"net": net}, {"all": spec})


def moved(optimizers: Optimizers, net: Net, steps: range) -> dict[str, torch.Tensor]:
    for step in steps:
        optimizers.set_rates(step / 10, step, 1.0)
        for number, parameter in enumerate(net.parameters()):
            key = torch.Generator().manual_seed(100 * step + number)
            parameter.grad = torch.randn(parameter.shape, generator=key)
        optimizers["all"].step()
    return {name: p.detach().clone() for name, p in net.named_parameters()}


def test_muon_moves_hidden_matrices_and_kernels_alone() -> None:
    _, optimizers = built(SPEC)
    states = optimizers.state()["all"]
    assert states == {}
    net, optimizers = built(SPEC)
    moved(optimizers, net, range(1))
    by_muon = {name for name in optimizers.state()["all"] if name.endswith("/momentum")}
    assert by_muon == {"net.conv.weight/momentum", "net.body.weight/momentum"}
    by_adamw = {name.partition("/")[0] for name in optimizers.state()["all"]} - {
        name.partition("/")[0] for name in by_muon
    }
    assert by_adamw == {
        *("net.embed.weight", "net.head.weight"),
        *("net.conv.bias", "net.body.bias", "net.head.bias"),
    }


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd", "muon"])
def test_state_by_name_goes_on_bit_for_bit(kind: str, tmp_path: Path) -> None:
    spec = replace(SPEC, kind=kind)
    net, optimizers = built(spec)
    whole = moved(optimizers, net, range(8))
    net, optimizers = built(spec)
    half = moved(optimizers, net, range(4))
    save_tensors(tmp_path / "state.safetensors", optimizers.state()["all"])
    again, resumed = built(spec)
    again.load_state_dict(half)
    resumed.load_state({"all": load_tensors(tmp_path / "state.safetensors")})
    found = moved(resumed, again, range(4, 8))
    assert not [name for name in whole if not torch.equal(whole[name], found[name])]


def test_both_rates_of_muon_follow_the_schedule() -> None:
    _, optimizers = built(SPEC)
    for fraction, factor in ((0.05, 0.5), (0.3, 1.0), (0.75, 0.5), (1.0, 0.0)):
        optimizers.set_rates(fraction, 0, 0.5)
        expected = {"all": 0.02 * factor * 0.5, "all.adamw": 3e-3 * factor * 0.5}
        assert optimizers.rates() == pytest.approx(expected)


def test_rates_rise_for_some_steps_however_short_the_run_is() -> None:
    schedule = Schedule(warmup=0.1, decay=0.5, warmup_steps=4)
    assert [schedule(0.2, index) for index in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert schedule(0.05, 9) == pytest.approx(0.5)
    assert schedule(0.9, 0) == pytest.approx(0.2)
    assert Schedule()(0.0, 0) == 1.0


def test_weight_decay_falls_where_it_is_asked_to() -> None:
    for falls, expected in ((True, 0.075), (False, 0.1)):
        _, optimizers = built(replace(SPEC, decay_falls=falls))
        optimizers.set_rates(0.25, 0, 1.0)
        decays = [group["weight_decay"] for group in optimizers["all"].param_groups]
        assert decays == pytest.approx([expected, expected, 0.0])


def test_one_rate_and_one_name_without_muon() -> None:
    _, optimizers = built(replace(SPEC, kind="adamw"))
    optimizers.set_rates(0.3, 0, 1.0)
    assert optimizers.rates() == {"all": 0.02}
