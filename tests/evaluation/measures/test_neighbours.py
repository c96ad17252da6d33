from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.measures import neighbours
from genctl.evaluation.measures.neighbours import density_coverage, nearest, precision_recall


def draw(rows: int, columns: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def exact(x: Tensor, y: Tensor) -> Tensor:
    """All distances, by differences."""
    return (x.double()[:, None] - y.double()[None]).square().sum(2).sqrt()


def reach(x: Tensor, k: int) -> Tensor:
    return exact(x, x).sort(1).values[:, k]


@settings(max_examples=30)
@given(st.integers(6, 30), st.integers(6, 30), st.integers(1, 4), st.integers(0, 99))
def test_are_what_the_papers_define(n: int, m: int, k: int, seed: int) -> None:
    x, y = draw(n, 3, seed), draw(m, 3, seed + 100, scale=1.5)
    between = exact(x, y)
    found = precision_recall(x, y, k)
    assert found.precision.value == pytest.approx(
        float((between <= reach(y, k)).any(1).double().mean())
    )
    assert found.recall.value == pytest.approx(
        float((between <= reach(x, k)[:, None]).any(0).double().mean())
    )
    inside = between < reach(y, k)
    crowd = density_coverage(x, y, k)
    assert crowd.density.value == pytest.approx(inside.sum().item() / (k * n))
    assert crowd.coverage.value == pytest.approx(float(inside.any(0).double().mean()))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw(70, 5, 0), draw(60, 5, 1)
    whole = precision_recall(x, y), density_coverage(x, y)
    monkeypatch.setattr(neighbours, "_BLOCK", 600)
    assert (precision_recall(x, y), density_coverage(x, y)) == whole


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_ties_are_ties_wherever_the_features_lie(offset: float) -> None:
    """On a grid of whole numbers every k-th neighbour is one of several, just at the surface."""
    grid = torch.cartesian_prod(torch.arange(8.0), torch.arange(8.0)) + offset
    found = density_coverage(grid, grid, 4)
    inside = exact(grid, grid) < reach(grid, 4)
    assert found.density.value == pytest.approx(inside.sum().item() / (4 * len(grid)))
    assert [part.value for part in precision_recall(grid, grid + 1e-12, 4)] == [1, 1]


def test_a_set_against_itself() -> None:
    x = draw(50, 4, 0)
    assert [part.value for part in precision_recall(x, x)] == [1, 1]
    # Each ball holds its own centre and k - 1 neighbours; the k-th is on its surface.
    assert density_coverage(x, x).density.value == pytest.approx(1)
    assert density_coverage(x, x).coverage.value == 1


def test_shares_of_nothing_and_of_all_have_errors() -> None:
    near, far = draw(50, 4, 0), draw(50, 4, 1) + 100
    found = precision_recall(near, far)
    assert (found.precision.value, found.recall.value) == (0, 0)
    for part in (*found, *precision_recall(near, near)):
        assert 0.005 < part.error < 0.05


def test_two_sets_of_one_distribution_are_where_theory_puts_them() -> None:
    """Naeem et al. 2020, section 3.2.2: density 1, and coverage from the ranks of neighbours."""
    n = m = 3000
    k = 5
    found = density_coverage(draw(n, 4, 0), draw(m, 4, 1), k)
    expected = 1 - math.prod((n - 1 - i) / (n + m - 1 - i) for i in range(k))
    assert found.coverage.value == pytest.approx(expected, abs=0.015)
    assert found.density.value == pytest.approx(1, abs=0.04)


def test_precision_is_of_the_generated_and_recall_of_the_real() -> None:
    crowded, spread = draw(200, 16, 0, scale=0.1), draw(200, 16, 1, scale=3)
    found = precision_recall(crowded, spread)
    assert found.precision.value > 0.8
    assert found.recall.value < 0.3


@pytest.mark.oracle
def test_agree_with_torch_fidelity() -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    x, y = draw(150, 8, 0), draw(130, 8, 1, scale=1.3)
    theirs = prc_features_to_metric(x, y, prc_neighborhood=3, prc_batch_size=64, verbose=False)
    ours = precision_recall(x, y, 3)
    assert ours.precision.value == pytest.approx(theirs["precision"], abs=1e-7)
    assert ours.recall.value == pytest.approx(theirs["recall"], abs=1e-7)


def test_the_nearest_are_found() -> None:
    x, y = draw(40, 6, 0), draw(33, 6, 1)
    found, expected = nearest(x, y), exact(x, y).min(1)
    torch.testing.assert_close(found.distances, expected.values)
    assert torch.equal(found.rows, expected.indices)


def test_too_few_images_for_so_many_neighbours() -> None:
    with pytest.raises(GenctlError, match="more than 5 images, and there are 5") as caught:
        density_coverage(draw(9, 3, 0), draw(5, 3, 1))
    assert caught.value.code == ExitStatus.USAGE
