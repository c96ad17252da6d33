from __future__ import annotations

import numpy as np
import pytest
import torch

from genctl.compat.torchvision import torchvision_module
from genctl.data.images.drawing import grid
from tests.data.pictures import pixels


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("count", "columns"), [(7, 3), (8, 8), (9, None), (2, 1)])
def test_a_grid_is_that_of_torchvision(count: int, columns: int | None, channels: int) -> None:
    images = pixels(count, count, 5, 6, channels)
    batch = torch.from_numpy(images).permute(0, 3, 1, 2)
    sheet = torchvision_module("utils").make_grid(batch, nrow=columns or 3, padding=0)
    # It repeats grey three times.
    assert np.array_equal(grid(images, columns), sheet[:channels].permute(1, 2, 0).numpy())


def test_a_grid_of_few_images_keeps_its_columns() -> None:
    assert grid(pixels(1, 2, 5, 6, 3), 4).shape == (5, 24, 3)
