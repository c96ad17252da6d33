from __future__ import annotations

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from genctl.families.diffusion.networks.dit import DiT, grid_positions


def dit(shape: tuple[int, int, int] = (1, 8, 8), num_classes: int = 3, **options: Any) -> DiT:
    torch.manual_seed(0)
    sizes = {"width": 16, "depth": 2, "heads": 2, "patch": 4, **options}
    return DiT(shape, num_classes, **sizes)


def wake(network: nn.Module) -> nn.Module:
    """Give all that starts at zero something to do."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


@given(
    channels=st.sampled_from([1, 3, 4]),
    height=st.integers(1, 21),
    width=st.integers(1, 21),
    patch=st.integers(1, 4),
    num_classes=st.sampled_from([0, 3]),
)
@settings(max_examples=25)
def test_any_size_and_channel_count(
    channels: int, height: int, width: int, patch: int, num_classes: int
) -> None:
    network = wake(dit((channels, height, width), num_classes, patch=patch))
    x = torch.randn(2, channels, height, width)
    made = network(x, torch.tensor([1.0, 500.0]), torch.tensor([0, 3]) if num_classes else None)
    assert made.shape == x.shape
    assert made.isfinite().all()


def test_it_makes_nothing_before_training() -> None:
    x = torch.randn(2, 1, 8, 8)
    assert not dit()(x, torch.rand(2), torch.tensor([0, 1])).any()


def test_blocks_pass_their_input_on_before_training() -> None:
    x, condition = torch.randn(2, 4, 16), torch.randn(2, 16)
    for block in dit().blocks:
        assert torch.equal(block(x, condition), x)


def test_no_label_is_the_last_class() -> None:
    network = wake(dit(num_classes=3))
    x, time = torch.randn(3, 1, 8, 8), torch.rand(3) * 1000
    expected = network(x, time, torch.full((3,), 3))
    assert torch.equal(network(x, time, None), expected)
    assert not torch.allclose(network(x, time, torch.zeros(3, dtype=torch.int64)), expected)


def test_a_pixel_is_made_where_it_was_seen() -> None:
    """Without attention, which is silent until its gate opens, patches stay apart."""
    network = dit((2, 8, 12), 0)
    with torch.no_grad():
        network.head.weight.normal_()
    x, time = torch.randn(1, 2, 8, 12), torch.tensor([3.0])
    before = network(x, time)
    x[0, :, 5, 9] += 1  # in the second row and the third column of patches
    moved = (network(x, time) - before).abs().sum((0, 1)) > 0
    assert moved[4:8, 8:12].all()
    assert moved.sum() == 16


def test_time_matters() -> None:
    network = wake(dit())
    x, label = torch.randn(1, 1, 8, 8).expand(2, -1, -1, -1), torch.tensor([1, 1])
    made = network(x, torch.tensor([10.0, 900.0]), label)
    assert not torch.allclose(made[0], made[1], atol=1e-3)


def test_all_weights_learn() -> None:
    network = wake(dit()).train()
    network(torch.randn(4, 1, 8, 8), torch.rand(4) * 100, torch.arange(4)).square().sum().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_positions_say_row_and_column() -> None:
    table = grid_positions(3, 5, 16).view(3, 5, 16)
    assert torch.equal(table[1, :, :8], table[1, :1, :8].expand(5, -1))
    assert torch.equal(table[:, 2, 8:], table[:1, 2, 8:].expand(3, -1))
    assert len({tuple(place.tolist()) for row in table for place in row}) == 15


def test_dropout_is_for_training_alone() -> None:
    network = wake(dit(dropout=0.5))
    x, time, label = torch.randn(2, 1, 8, 8), torch.rand(2), torch.tensor([0, 1])
    assert torch.equal(network(x, time, label), network(x, time, label))
    network.train()
    assert not torch.equal(network(x, time, label), network(x, time, label))


def test_half_precision_is_near() -> None:
    network = wake(dit())
    x, time, label = torch.randn(3, 1, 8, 8), torch.rand(3) * 1000, torch.arange(3)
    expected = network(x, time, label)
    with torch.autocast("cpu", torch.bfloat16):
        made = network(x, time, label)
    assert (made - expected).abs().max() < 0.05 * expected.abs().max()
