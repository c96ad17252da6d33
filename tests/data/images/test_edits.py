"""Pictures that sampling starts from come in sizes of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from genctl.data.images.dataset import to_float
from genctl.data.images.drawing import save_png
from genctl.data.images.edits import read_image, read_mask


@given(
    side=st.integers(8, 80),
    wider=st.integers(1, 3),
    channels=st.sampled_from([1, 3, 4]),
    seed=st.integers(0, 9),
)
def test_a_saved_sample_comes_back_as_it_was_made(
    tmp_path_factory: pytest.TempPathFactory, side: int, wider: int, channels: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("sample") / "one.png"
    made = np.random.default_rng(seed).integers(0, 256, (side, side * wider, channels), np.uint8)
    save_png(path, made)
    found = read_image(path, (channels, side, side * wider))
    assert torch.equal(found, to_float(torch.from_numpy(made).permute(2, 0, 1)))


@pytest.mark.parametrize("side", [20, 50, 64, 100])
def test_pictures_and_masks_of_the_same_proportions_are_resized_alike(
    side: int, tmp_path: Path
) -> None:
    half = Image.new("L", (side, side), "black")
    half.paste("white", (0, 0, side // 2, side))
    half.save(tmp_path / "half.png")
    picture = read_image(tmp_path / "half.png", (1, 32, 32))
    mask = read_mask(tmp_path / "half.png", (1, 32, 32))
    assert picture.shape == mask.shape == (1, 32, 32)
    assert (picture[:, :, :14] > 0.9).all()
    assert (picture[:, :, 18:] < -0.9).all()
    assert mask.unique().tolist() == [0, 1]
    assert mask.mean() == pytest.approx(0.5, abs=0.04)
