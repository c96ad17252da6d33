from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.pixels import (
    channels_first,
    resize,
    resize_like_tf1,
    to_grey,
    to_rgb,
)


def noise(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def test_both_channel_orders() -> None:
    images = noise(2, 3, 5, 7)
    last = images.permute(0, 2, 3, 1)
    assert torch.equal(channels_first(images), images)
    assert torch.equal(channels_first(last), images)
    assert torch.equal(channels_first(last.numpy()), images)


@pytest.mark.filterwarnings("error")
def test_arrays_as_files_and_views_give_them() -> None:
    array = noise(2, 5, 7, 3).numpy()
    array.flags.writeable = False
    assert torch.equal(channels_first(array[:, ::-1]), channels_first(array).flip(2))


def test_floats_are_refused_with_the_right_conversion() -> None:
    with pytest.raises(GenctlError, match="must be uint8, these are float32") as caught:
        channels_first(torch.rand(2, 3, 4, 4))
    assert caught.value.code is ExitStatus.USAGE
    assert "round()" in caught.value.hint


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 2, 8, 8), (2, 8, 8, 5)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(GenctlError, match="must be"):
        channels_first(noise(*shape))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_colours_are_those_of_pillow(mode: str) -> None:
    images = noise(1, 6, 5, len(mode) if mode != "L" else 1)
    picture = Image.fromarray(images.squeeze().numpy(), mode)
    rgb = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)
    grey = torch.from_numpy(np.array(picture.convert("L")))
    batch = channels_first(images)
    assert torch.equal(to_rgb(batch)[0], rgb)
    assert (to_grey(batch)[0, 0] - grey).abs().max() <= 0.51  # Pillow rounds


def test_resize_averages_where_it_shrinks() -> None:
    checkers = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 255.0
    small = resize(checkers.expand(1, 1, 8, 8), 4)
    assert (small - 127.5).abs().max() < 20  # without antialiasing: 0 and 255


def test_tf1_reads_without_the_half_pixel() -> None:
    row = torch.tensor([[[[0.0, 6.0, 12.0]]]])
    assert resize_like_tf1(row, 6)[0, 0, 0].tolist() == [0, 3, 6, 9, 12, 12]


@pytest.mark.oracle
@pytest.mark.parametrize("size", [(28, 28), (32, 96), (299, 299), (300, 7), (512, 640)])
def test_tf1_agrees_with_torch_fidelity(size: tuple[int, int]) -> None:
    from torch_fidelity.interpolate_compat_tensorflow import (
        interpolate_bilinear_2d_like_tensorflow1x as theirs,
    )

    images = noise(2, 3, *size).float()
    expected = theirs(images, size=(299, 299), align_corners=False)
    torch.testing.assert_close(resize_like_tf1(images, 299), expected, rtol=1e-5, atol=1e-4)
