"""What each protocol does to pixels; `tests/parity` holds them beside their tools."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.protocols import PROTOCOLS, find_protocol

SHAPES = [(32, 32), (96, 64), (299, 299), (512, 300), (28, 28)]


def pictures(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height)
    return torch.randint(0, 256, (2, 3, height, width), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("shape", SHAPES)
def test_clean_is_pillows_bicubic_filter_on_floats(shape: tuple[int, int]) -> None:
    images = pictures(*shape)
    found = find_protocol("clean").prepare(images.float(), 299)
    channels = [
        Image.fromarray(channel.numpy().astype(np.float32), "F").resize((299, 299), 3)
        for image in images
        for channel in image
    ]
    expected = np.stack([np.asarray(channel).clip(0, 255) for channel in channels])
    expected = (expected.reshape(2, 3, 299, 299) - 128) / 128
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_all_of_them_stay_within_the_range(name: str) -> None:
    for value in (0, 255):
        images = torch.full((1, 3, 17, 40), value, dtype=torch.uint8).float()
        found = find_protocol(name).prepare(images, 299)
        assert found.shape == (1, 3, 299, 299)
        assert found.std() < 1e-5
        assert found.mean().item() == pytest.approx(-1 if value == 0 else 1, abs=0.01)


def test_they_differ_from_each_other() -> None:
    images = pictures(512, 300).float()
    prepared = [protocol.prepare(images, 299) for protocol in PROTOCOLS.values()]
    for place, first in enumerate(prepared):
        for second in prepared[place + 1 :]:
            assert (first - second).abs().max() > 0.05
    assert len({protocol.tag for protocol in PROTOCOLS.values()}) == len(PROTOCOLS)


def test_unknown_protocol() -> None:
    with pytest.raises(GenctlError, match="unknown protocol 'pytorch'") as caught:
        find_protocol("pytorch")
    assert caught.value.code is ExitStatus.USAGE
