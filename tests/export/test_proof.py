from __future__ import annotations

import pytest
import torch

from genctl.export.proof import scaled_error


@pytest.mark.parametrize(
    ("expected", "got", "error"),
    [
        ([0.0, 0.5], [0.0, 0.25], 0.25),  # absolute below 1
        ([0.0, 100.0], [1.0, 100.0], 0.01),  # relative to the largest above it
        ([3.0], [3.0], 0.0),
        ([], [], 0.0),
        ([1.0, float("nan")], [1.0, float("nan")], float("inf")),
        ([1.0], [float("inf")], float("inf")),
    ],
)
def test_scaled_error(expected: list[float], got: list[float], error: float) -> None:
    assert scaled_error(torch.tensor(expected), torch.tensor(got)) == pytest.approx(error)


def test_whole_numbers_are_compared_as_numbers() -> None:
    assert scaled_error(torch.tensor([2, 4]), torch.tensor([2, 2])) == 0.5
