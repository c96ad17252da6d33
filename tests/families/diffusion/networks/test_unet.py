from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from genctl.families.diffusion.exporter import unet_config
from genctl.families.diffusion.networks.unet import UNet


def unet(
    shape: tuple[int, int, int] = (1, 8, 8),
    num_classes: int = 3,
    *,
    attention: tuple[bool, ...] = (False, True),
    **options: Any,
) -> UNet:
    torch.manual_seed(0)
    multiples = tuple(range(1, len(attention) + 1))
    sizes = {"width": 8, "multiples": multiples, "depth": 1, **options}
    return UNet(shape, num_classes, attention=attention, **sizes)


def wake(network: nn.Module) -> nn.Module:
    """Give all that starts at zero something to do."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


def inputs(shape: tuple[int, ...], batch: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(batch, *shape), 1000 * torch.rand(batch), torch.arange(batch) % 4


@given(
    channels=st.sampled_from([1, 3, 4]),
    height=st.integers(1, 21),
    width=st.integers(1, 21),
    levels=st.integers(1, 3),
    unshuffle=st.sampled_from([1, 2, 3]),
    num_classes=st.sampled_from([0, 3]),
)
@settings(max_examples=25)
def test_any_size_and_channel_count(
    channels: int, height: int, width: int, levels: int, unshuffle: int, num_classes: int
) -> None:
    shape = (channels, height, width)
    network = wake(
        unet(shape, num_classes, attention=(True,) * levels, unshuffle=unshuffle, width=4)
    )
    x, time, label = inputs(shape, batch=2)
    made = network(x, time, label if num_classes else None)
    assert made.shape == x.shape
    assert made.isfinite().all()


def test_digits_are_halved_to_fourteen_and_seven_without_padding() -> None:
    network = unet((1, 28, 28), unshuffle=2)
    assert network.padded == (28, 28)
    assert unet_config(network)["sample_size"] == [14, 14]
    assert unet_config(network)["in_channels"] == 4


def test_it_makes_nothing_before_training() -> None:
    x, time, label = inputs((1, 8, 8))
    assert not unet()(x, time, label).any()


def test_blocks_are_all_levels_and_no_second_name_for_a_weight() -> None:
    network = unet(attention=(False, True, True))
    assert len(network.blocks) == 3 + 1 + 3
    assert not any(name.startswith("blocks") for name in network.state_dict())
    inside = {p for block in network.blocks for p in block.parameters()}
    assert len(inside) > 0.8 * len(list(network.parameters()))


def test_no_label_is_the_last_class() -> None:
    network = wake(unet(num_classes=3))
    x, time, _ = inputs((1, 8, 8))
    expected = network(x, time, torch.full((3,), 3))
    assert torch.equal(network(x, time, None), expected)
    assert not torch.allclose(network(x, time, torch.zeros(3, dtype=torch.int64)), expected)


def test_rows_do_not_see_each_other() -> None:
    network = wake(unet())
    x, time, label = inputs((1, 8, 8))
    whole = network(x, time, label)
    rows = [network(x[i : i + 1], time[i : i + 1], label[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(whole, torch.cat(rows), rtol=1e-4, atol=1e-5)


def test_all_weights_learn() -> None:
    network = wake(unet(attention=(True, True), unshuffle=2)).train()
    x, time, _ = inputs((1, 8, 8), batch=4)
    network(x, time, torch.arange(4)).square().sum().backward()
    # A softmax does not change with what is added to all keys.
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert [name for name in idle if not name.endswith("to_k.bias")] == []


def test_dropout_is_for_training_alone() -> None:
    network = wake(unet(dropout=0.5))
    x, time, label = inputs((1, 8, 8))
    assert torch.equal(network(x, time, label), network(x, time, label))
    network.train()
    assert not torch.equal(network(x, time, label), network(x, time, label))


def test_half_precision_is_near() -> None:
    network = wake(unet())
    x, time, label = torch.randn(3, 1, 8, 8), torch.rand(3) * 1000, torch.arange(3)
    expected = network(x, time, label)
    with torch.autocast("cpu", torch.bfloat16):
        made = network(x, time, label)
    assert (made - expected).abs().max() < 0.05 * expected.abs().max()


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("shape", "num_classes", "attention", "options"),
    [
        ((3, 16, 24), 4, (False, True, True), {"depth": 2}),
        ((1, 8, 8), 0, (True,), {"depth": 1, "width": 32}),
        ((2, 12, 8), 2, (False, False), {"depth": 3, "middle_attention": True, "head_dim": 4}),
        ((4, 8, 8), 2, (True, False), {"middle_attention": False, "groups": 4}),
        ((1, 8, 12), 0, (False, True), {"multiples": (2, 4), "width": 12}),
        ((1, 8, 8), 3, (False, True), {"scales": True}),
        ((1, 8, 8), 3, (False,), {"scales": True, "width": 32}),
    ],
)
def test_it_computes_what_diffusers_computes(
    shape: tuple[int, int, int],
    num_classes: int,
    attention: tuple[bool, ...],
    options: dict[str, object],
) -> None:
    from diffusers import UNet2DModel

    network = wake(unet(shape, num_classes, attention=attention, **options))
    assert isinstance(network, UNet)
    theirs: Any = UNet2DModel(**unet_config(network)).eval()
    theirs.load_state_dict(network.state_dict())
    x, time, labels = inputs(shape)
    label = labels.clamp(max=num_classes) if num_classes else None
    with torch.no_grad():
        expected = theirs(x, time, class_labels=label).sample
        torch.testing.assert_close(network(x, time, label), expected, rtol=1e-4, atol=1e-5)
