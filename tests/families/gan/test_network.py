from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from genctl.families.gan.networks.mlp import MlpDiscriminator, MlpGenerator
from genctl.families.gan.networks.resnet import ResidualDiscriminator, ResidualGenerator
from genctl.families.gan.networks.shape import MIN_SIDE, ImageShape

DIGITS = ImageShape(1, 28, 28)
Z_DIM = 8


def residual_pair(
    image: ImageShape, num_classes: int = 0, width: int = 4, depth: int = 1
) -> tuple[ResidualGenerator, ResidualDiscriminator]:
    torch.manual_seed(0)
    generator = ResidualGenerator(image, num_classes, width=width, depth=depth, z_dim=Z_DIM)
    return generator, ResidualDiscriminator(image, num_classes, width=width, depth=depth)


def wake(network: nn.Module) -> None:
    """Give the residual branches, which start at zero, something to do."""
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)


@given(
    channels=st.sampled_from([1, 3, 4]),
    height=st.integers(MIN_SIDE, 70),
    width=st.integers(MIN_SIDE, 70),
    num_classes=st.sampled_from([0, 3]),
)
@settings(max_examples=30, deadline=None)
def test_any_size_and_channel_count(
    channels: int, height: int, width: int, num_classes: int
) -> None:
    image = ImageShape(channels, height, width)
    generator, discriminator = residual_pair(image, num_classes)
    label = torch.tensor([0, 2]) if num_classes else None
    made = generator(torch.randn(2, Z_DIM), label)
    assert made.shape == (2, channels, height, width)
    assert discriminator(made, label).shape == (2,)


@pytest.mark.parametrize(
    ("height", "width", "stages", "base", "padding"),
    [
        (16, 16, 2, (4, 4), (0, 0)),
        (28, 28, 2, (7, 7), (0, 0)),
        (30, 30, 2, (8, 8), (2, 2)),
        (32, 32, 3, (4, 4), (0, 0)),
        (48, 64, 3, (6, 8), (0, 0)),
        (17, 100, 2, (5, 25), (3, 0)),
        (256, 256, 6, (4, 4), (0, 0)),
    ],
)
def test_stages(
    height: int, width: int, stages: int, base: tuple[int, int], padding: tuple[int, int]
) -> None:
    image = ImageShape(3, height, width)
    rows, columns = padding
    assert (image.stages, image.base) == (stages, base)
    assert image.padded == (height + rows, width + columns)


def test_every_pixel_reaches_the_discriminator_also_where_it_pads() -> None:
    image = ImageShape(1, 30, 31)
    _, discriminator = residual_pair(image)
    wake(discriminator)
    x = torch.randn(1, 1, 30, 31, requires_grad=True)
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x)
    assert (gradient != 0).all()


@pytest.mark.parametrize("num_classes", [0, 10])
def test_every_parameter_takes_part(num_classes: int) -> None:
    generator, discriminator = residual_pair(DIGITS, num_classes, depth=2)
    wake(generator)
    wake(discriminator)
    label = torch.arange(10) if num_classes else None
    discriminator(generator(torch.randn(10, Z_DIM), label), label).square().sum().backward()
    for network in (generator, discriminator):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name


def test_the_label_changes_image_and_logit() -> None:
    generator, discriminator = residual_pair(DIGITS, num_classes=10)
    z = torch.randn(1, Z_DIM).expand(10, -1)
    images = generator(z, torch.arange(10))
    logits = discriminator(images[:1].expand(10, -1, -1, -1), torch.arange(10))
    assert len(images.flatten(1).unique(dim=0)) == 10
    assert len(logits.unique()) == 10


@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize("depth", [1, 4])
def test_untrained_outputs_are_of_order_one_at_any_depth_and_size(size: int, depth: int) -> None:
    image = ImageShape(3, size, size)
    generator, discriminator = residual_pair(image, num_classes=10, width=16, depth=depth)
    label = torch.arange(100) % 10
    made = generator(torch.randn(100, Z_DIM), label)
    assert 0.3 < made.std() < 1.5
    assert 0.1 < discriminator(torch.randn_like(made), label).std() < 1.5


def test_depth_does_not_amplify_when_the_residual_branches_are_alive() -> None:
    spread = []
    for depth in (1, 8):
        generator, _ = residual_pair(DIGITS, width=16, depth=depth)
        for block in generator.modules():
            if isinstance(block, nn.Conv2d) and block.bias is None:
                nn.init.normal_(block.weight, std=block.weight[0].numel() ** -0.5)
        spread.append(generator(torch.randn(50, Z_DIM)).std().item())
    assert spread[1] < 2 * spread[0]


def test_the_gradient_penalty_can_be_differentiated() -> None:
    _, discriminator = residual_pair(DIGITS, num_classes=10)
    x = torch.randn(2, 1, 28, 28, requires_grad=True)
    logits = discriminator(x, torch.tensor([1, 2]))
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert discriminator.stem.weight.grad is not None
    assert discriminator.stem.weight.grad.any()


def test_initial_weights_follow_the_global_seed() -> None:
    first, _ = residual_pair(DIGITS)
    second, _ = residual_pair(DIGITS)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_each_image_depends_on_its_own_row_alone() -> None:
    generator, discriminator = residual_pair(DIGITS, num_classes=10)
    wake(generator)
    wake(discriminator)
    z, label = torch.randn(5, Z_DIM), torch.arange(5)
    images = generator(z, label)
    torch.testing.assert_close(generator(z[3:4], label[3:4]), images[3:4])
    logits = discriminator(images, label)
    torch.testing.assert_close(discriminator(images[3:4], label[3:4]), logits[3:4])


def test_networks_list_their_blocks_for_sharding() -> None:
    for network in (*residual_pair(DIGITS), MlpGenerator(DIGITS, z_dim=100)):
        assert isinstance(network.blocks, nn.ModuleList)
        assert len(network.blocks) > 1


def test_mlp_pair_is_the_classic_one() -> None:
    generator, discriminator = MlpGenerator(DIGITS, z_dim=100), MlpDiscriminator(DIGITS)

    def widths(network: nn.Module) -> list[int]:
        return [m.out_features for m in network.modules() if isinstance(m, nn.Linear)]

    assert widths(generator) == [256, 512, 1024, 784]
    assert widths(discriminator) == [512, 256, 1]
    images = generator(torch.randn(3, 100))
    assert images.shape == (3, 1, 28, 28)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (3,)
