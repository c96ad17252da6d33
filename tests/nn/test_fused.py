"""TextSample-out gradients against autograd's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from genctl.nn.fused import rms_norm, rotary_table, rotate


def numbers(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(shape, generator=generator, dtype=torch.double, requires_grad=True)


@pytest.mark.parametrize("shape", [(5, 8), (2, 3, 4, 8)])
def test_rms_norm_and_its_gradient(shape: tuple[int, ...]) -> None:
    x, weight = numbers(*shape), numbers(8)
    assert torch.autograd.gradcheck(lambda x, w: rms_norm(x, w, 1e-6), (x, weight))
    expected = F.rms_norm(x, (8,), weight, 1e-6)
    assert torch.allclose(rms_norm(x, weight, 1e-6), expected, atol=1e-12)
    with torch.no_grad():
        assert torch.allclose(rms_norm(x, weight, 1e-6), expected, atol=1e-12)


def test_a_norm_of_zeros_is_zero() -> None:
    x = torch.zeros(2, 4, requires_grad=True)
    rms_norm(x, torch.ones(4), 1e-6).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_rotation_and_its_gradient() -> None:
    x, table = numbers(2, 3, 5, 8), rotary_table(5, 8, 100.0).double()
    assert torch.autograd.gradcheck(lambda x: rotate(x, table), (x,))
    with torch.no_grad():
        plain = rotate(x, table)
    assert torch.allclose(rotate(x, table), plain, atol=1e-12)


def test_scores_depend_on_distance_alone() -> None:
    """What rotary embeddings are for (Su et al. 2021, section 3.1)."""
    query, key = numbers(8).float(), numbers(1, 8).float()[0]
    table = rotary_table(50, 8, 100.0)

    def turned(x: torch.Tensor, position: int) -> torch.Tensor:
        return rotate(x[None], table[:, position : position + 1])[0]

    one = turned(query, 7) @ turned(key, 3)
    other = turned(query, 44) @ turned(key, 40)
    assert torch.allclose(one, other, atol=1e-5)
    assert not torch.allclose(one, turned(query, 8) @ turned(key, 3), atol=1e-3)
