"""What the discriminator sees: changed alike for partners, and differentiable twice."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genctl.compat.torchvision import torchvision_module
from genctl.families.gan.augment import CHANGES, DRAWS, RISE, SHIFT, Augment, translation


def images(count: int = 3, height: int = 24, width: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, height, width, generator=generator) * 2 - 1


def draws(count: int, augment: Augment, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, augment.draws, generator=torch.Generator().manual_seed(seed))


@given(down=st.floats(0, 0.999), right=st.floats(0, 0.999))
def test_translation_moves_by_whole_pixels(down: float, right: float) -> None:
    x = images(1)
    found = translation(x, torch.tensor([[down, right, 0.0]]))
    rows, columns = (
        int(d * (2 * round(s * SHIFT) + 1)) - round(s * SHIFT) for d, s in ((down, 24), (right, 16))
    )
    expected = torch.zeros_like(x)
    for row in range(24):
        for column in range(16):
            if 0 <= row - rows < 24 and 0 <= column - columns < 16:
                expected[..., row, column] = x[..., row - rows, column - columns]
    torch.testing.assert_close(found, expected)


def test_translation_is_torchvisions_one_image_at_a_time() -> None:
    affine = torchvision_module("transforms.v2.functional").affine
    x, numbers = images(), torch.tensor([[0.1, 0.9, 0.0], [0.5, 0.2, 0.0], [0.99, 0.0, 0.0]])
    expected = []
    for image, (down, right, _) in zip(x, numbers.tolist(), strict=True):
        shift = [
            int(d * (2 * round(s * SHIFT) + 1)) - round(s * SHIFT)
            for d, s in ((right, 16), (down, 24))
        ]
        expected.append(affine(image, 0.0, shift, 1.0, [0.0, 0.0]))
    torch.testing.assert_close(translation(x, numbers), torch.stack(expected), rtol=0, atol=0)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_changes_each_image_by_its_own_numbers(name: str) -> None:
    augment = Augment((name,))
    x, numbers = images(), draws(3, augment)
    whole = augment(x, numbers)
    assert not torch.equal(whole, x)
    for row in range(3):
        alone = augment(x[row : row + 1], numbers[row : row + 1])
        torch.testing.assert_close(alone, whole[row : row + 1])


@pytest.mark.parametrize("name", CHANGES)
def test_penalties_can_be_taken_through_it(name: str) -> None:
    augment, x = Augment((name,)), images().double().requires_grad_()
    numbers = draws(3, augment).double()

    def score(pixels: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = augment(pixels.float(), numbers.float())
        return changed.double().pow(3).sum()

    (gradient,) = torch.autograd.grad(score(x), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), x)
    assert second.isfinite().all()
    assert second.abs().sum() > 0


def test_cutout_hides_at_most_a_quarter() -> None:
    augment = Augment(("cutout",))
    seen = augment(torch.ones(200, 1, 32, 32), draws(200, augment))
    hidden = (seen == 0).float().mean((1, 2, 3))
    assert hidden.max() == 0.25
    assert hidden.min() > 0.25 / 5
    assert set(seen.unique().tolist()) == {0.0, 1.0}


def test_colour_leaves_grey_images_grey_and_keeps_pictures_apart() -> None:
    augment = Augment(("colour",))
    grey = images()[:, :1].expand(-1, 3, -1, -1)
    found = augment(grey, draws(3, augment))
    torch.testing.assert_close(found[:, 0], found[:, 1])
    assert found.flatten(1).std(1).min() > 0.1


@given(lead=st.sampled_from([-1.0, 1.0]), count=st.integers(1, 200))
def test_the_probability_follows_the_lead(lead: float, count: int) -> None:
    augment = Augment(("cutout",), target=0.6)
    augment.probability.fill_(0.5)
    augment.adapt(torch.full((count,), lead))
    expected = 0.5 + (1 if lead > 0 else -1) * count / RISE
    assert float(augment.probability) == pytest.approx(expected, abs=1e-6)


def test_changes_happen_as_often_as_the_probability_says() -> None:
    augment = Augment(("cutout",), target=0.6)
    x = torch.ones(2000, 1, 16, 16)
    for probability in (0.0, 0.3, 1.0):
        augment.probability.fill_(probability)
        changed = (augment(x, draws(2000, augment)) != x).flatten(1).any(1).float().mean()
        assert float(changed) == pytest.approx(probability, abs=0.04)
    assert augment.draws == DRAWS
