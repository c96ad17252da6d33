from __future__ import annotations

import pytest
import torch

from genctl.losses.penalties import between, default_strength, one_centred, zero_centred


def test_zero_centred_is_the_squared_norm_of_each_example() -> None:
    weight = torch.randn(1, 2, 3)
    images = torch.randn(4, 1, 2, 3, requires_grad=True)
    logits = (images * weight).sum((1, 2, 3)) * torch.arange(4)
    (gradient,) = torch.autograd.grad(logits.sum(), images)
    expected = weight.square().sum() * torch.arange(4.0).square()
    torch.testing.assert_close(zero_centred(gradient), expected)


def test_one_centred_wants_norms_of_one() -> None:
    directions = torch.nn.functional.normalize(torch.randn(3, 8))
    norms = torch.tensor([0.0, 1.0, 3.0])
    found = one_centred(directions * norms[:, None])
    torch.testing.assert_close(found, (norms - 1).square(), atol=1e-4, rtol=0)


def test_one_centred_can_be_learned_from_where_the_network_is_flat() -> None:
    gradient = torch.zeros(2, 5, requires_grad=True)
    one_centred(gradient).sum().backward()
    assert gradient.grad is not None
    assert gradient.grad.isfinite().all()


def test_between_is_on_the_line() -> None:
    real, fake = torch.randn(3, 1, 2, 2), torch.randn(3, 1, 2, 2)
    share = torch.tensor([0.0, 1.0, 0.25])[:, None, None, None]
    found = between(real, fake, share)
    torch.testing.assert_close(found[0], real[0])
    torch.testing.assert_close(found[1], fake[1])
    torch.testing.assert_close(found[2], 0.75 * real[2] + 0.25 * fake[2])


@pytest.mark.parametrize("factor", [2, 3])
def test_more_pixels_and_smaller_batches_want_more(factor: int) -> None:
    one = default_strength(28, 28, 64 * factor)
    assert default_strength(28 * factor, 28, 64 * factor) == pytest.approx(factor * one)
    assert default_strength(28, 28, 64) == pytest.approx(factor * one)
