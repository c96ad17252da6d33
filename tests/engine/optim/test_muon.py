from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genctl.engine.optim.muon import Muon, orthogonalised

SHAPES = ((16, 16), (16, 48), (48, 16), (8, 4, 3, 3), (1, 5))


def keyed(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_singular_values(matrix: torch.Tensor) -> torch.Tensor:
    """What the iteration does to a matrix, worked out on its singular values in float64."""
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / (s.square().sum().sqrt() + 1e-7)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    product: torch.Tensor = (u * s) @ v
    return product


@given(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24), st.integers(0, 9))
def test_the_iteration_acts_on_singular_values_alone(
    count: int, rows: int, columns: int, seed: int
) -> None:
    matrices = keyed(count, rows, columns, seed=seed)
    expected = torch.stack([by_singular_values(matrix) for matrix in matrices]).float()
    torch.testing.assert_close(orthogonalised(matrices), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("shape", [(64, 64), (64, 256), (256, 64)])
def test_large_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    u, _, v = torch.linalg.svd(keyed(*shape), full_matrices=False)
    matrix = (u * torch.linspace(0.2, 5, 64)) @ v
    values = torch.linalg.svdvals(orthogonalised(matrix[None])[0])
    assert float(values.min()) > 0.6
    assert float(values.max()) < 1.25


def test_nothing_stays_nothing() -> None:
    assert not orthogonalised(torch.zeros(2, 3, 4)).any()


def test_a_step_is_that_of_a_plain_reference() -> None:
    """Shapes that repeat go through as one batch; each must come out as if it were alone."""
    lr, decay = 0.02, 0.1
    parameters = [torch.nn.Parameter(keyed(*shape, seed=i)) for i, shape in enumerate(SHAPES * 2)]
    expected = [p.detach().clone() for p in parameters]
    momenta = [torch.zeros_like(p) for p in parameters]
    muon = Muon([{"params": parameters, "kind": "muon", "lr": lr, "weight_decay": decay}], (0.9, 1))
    for step in range(3):
        for i, parameter in enumerate(parameters):
            gradient = parameter.grad = keyed(*parameter.shape, seed=100 * step + i)
            momenta[i] = 0.95 * momenta[i] + 0.05 * gradient
            ahead = (0.05 * gradient + 0.95 * momenta[i]).flatten(1)
            scale = math.sqrt(max(1, len(ahead) / ahead[0].numel()))
            move = scale * by_singular_values(ahead).float()
            expected[i] = expected[i] * (1 - lr * decay) - lr * move.view_as(parameter)
        muon.step()
    for parameter, wanted in zip(parameters, expected, strict=True):
        torch.testing.assert_close(parameter.detach(), wanted, atol=3e-5, rtol=0)


@pytest.mark.oracle
def test_moves_as_torch_s_own_but_for_its_bfloat16() -> None:
    ours, theirs = (torch.nn.Parameter(keyed(32, 64)) for _ in range(2))
    muon = Muon([{"params": [ours], "kind": "muon", "lr": 0.02, "weight_decay": 0.1}], (0.9, 0.95))
    reference = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, momentum=0.95, nesterov=True)
    for step in range(5):
        ours.grad = theirs.grad = keyed(32, 64, seed=step)
        muon.step()
        reference.step()
    moved = theirs.detach() - keyed(32, 64)
    assert float((ours - theirs).detach().norm() / moved.norm()) < 0.02


@pytest.mark.oracle
def test_the_rest_moves_as_by_adamw() -> None:
    shapes = ((5,), (7, 3), (1,))
    ours, theirs = (
        [torch.nn.Parameter(keyed(*shape, seed=i)) for i, shape in enumerate(shapes)]
        for _ in range(2)
    )
    betas, lr, decay = (0.9, 0.95), 3e-3, 0.1
    muon = Muon([{"params": ours, "kind": "adamw", "lr": lr, "weight_decay": decay}], betas)
    adamw = torch.optim.AdamW(theirs, lr=lr, betas=betas, weight_decay=decay, foreach=False)
    for step in range(10):
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            # The last one goes without a gradient now and then: each has a count of its own.
            gradient = keyed(*one.shape, seed=10 * step + i) if i < 2 or step % 3 else None
            one.grad = other.grad = gradient
        muon.step()
        adamw.step()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)
