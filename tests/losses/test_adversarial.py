from __future__ import annotations

import math

import pytest
import torch

from genctl.losses.adversarial import LOSSES

LN2 = math.log(2)
E = math.e

# Loss -> (discriminator, generator) at real = 1, fake = 0, by hand from the papers' formulas.
BY_HAND = {
    "rpgan": (math.log(1 + 1 / E), math.log(1 + E)),
    "nonsaturating": (math.log(1 + 1 / E) + LN2, LN2),
    "hinge": (1.0, 0.0),
    "least_squares": (0.0, 0.5),
    "wgan": (-1.0, 0.0),
}


@pytest.mark.parametrize("name", LOSSES)
def test_values_by_hand(name: str) -> None:
    real, fake = torch.tensor([1.0, 1.0]), torch.tensor([0.0, 0.0])
    discriminator, generator = BY_HAND[name]
    loss = LOSSES[name]
    torch.testing.assert_close(loss.discriminator(real, fake), torch.full((2,), discriminator))
    torch.testing.assert_close(loss.generator(real, fake), torch.full((2,), generator))


@pytest.mark.parametrize("name", LOSSES)
def test_the_two_sides_pull_the_fake_logit_apart(name: str) -> None:
    loss = LOSSES[name]
    real = torch.full((3,), 0.2)
    fake = torch.full((3,), 0.1, requires_grad=True)
    (lowered,) = torch.autograd.grad(loss.discriminator(real, fake).sum(), fake)
    (raised,) = torch.autograd.grad(loss.generator(real, fake).sum(), fake)
    assert (lowered > 0).all()
    assert (raised < 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_paired_says_whether_the_generator_reads_the_real_logits(name: str) -> None:
    loss = LOSSES[name]
    fake = torch.zeros(2)
    changed = loss.generator(torch.ones(2), fake) != loss.generator(-torch.ones(2), fake)
    assert bool(changed.all()) is loss.paired


@pytest.mark.parametrize("name", LOSSES)
def test_rows_do_not_mix(name: str) -> None:
    loss = LOSSES[name]
    real, fake = torch.randn(2, 5), torch.randn(2, 5)
    for side in (loss.discriminator, loss.generator):
        rows = torch.stack([side(real[k], fake[k]) for k in range(2)])
        torch.testing.assert_close(side(real.flatten(), fake.flatten()), rows.flatten())


def test_losses_stay_finite_at_large_logits() -> None:
    far = torch.tensor([1e4])
    for loss in LOSSES.values():
        for side in (loss.discriminator, loss.generator):
            assert torch.isfinite(side(far, -far)).all()
            assert torch.isfinite(side(-far, far)).all()
