from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.rand import RandExtractor
from genctl.evaluation.features import extract


def images(count: int, *shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *shape), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 300])
def test_features_do_not_depend_on_the_batches(rand: RandExtractor, batch_size: int) -> None:
    whole = images(150, 3, 20, 24)
    expected = extract(rand, [whole])
    found = extract(rand, torch.split(whole, batch_size))
    assert torch.equal(found.values, expected.values)
    assert found.shapes == {(3, 20, 24)}


def test_a_row_is_a_function_of_its_image(rand: RandExtractor) -> None:
    whole = images(9, 3, 20, 24)
    turned = extract(rand, [whole.flip(0)]).values.flip(0)
    torch.testing.assert_close(turned, extract(rand, [whole]).values)


def test_mixed_shapes_keep_their_order(rand: RandExtractor) -> None:
    small, large, grey = images(3, 3, 16, 16), images(2, 3, 40, 30), images(4, 1, 16, 16)
    found = extract(rand, [small, large, grey.permute(0, 2, 3, 1).numpy(), small])
    apart = [extract(rand, [part]).values for part in (small, large, grey, small)]
    torch.testing.assert_close(found.values, torch.cat(apart))
    assert found.shapes == {(3, 16, 16), (3, 40, 30), (1, 16, 16)}


def test_batches_are_made_under_the_callers_settings(rand: RandExtractor) -> None:
    torch.set_float32_matmul_precision("high")
    try:

        def sampled() -> Iterator[Tensor]:
            for _ in range(3):
                assert not torch.is_inference_mode_enabled()
                assert torch.get_float32_matmul_precision() == "high"
                yield images(100, 3, 8, 8)

        extract(rand, sampled())
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("batches", [[], [images(0, 3, 8, 8)]])
def test_no_images(rand: RandExtractor, batches: list[Tensor]) -> None:
    with pytest.raises(GenctlError, match="no images") as caught:
        extract(rand, batches)
    assert caught.value.code is ExitStatus.DATA


def test_features_that_are_not_finite() -> None:
    class Broken(RandExtractor):
        def features(self, inputs: Tensor) -> Tensor:
            return super().features(inputs) / 0

    with pytest.raises(GenctlError, match="rand extractor gave features that are not finite"):
        extract(Broken(), [images(2, 3, 8, 8)])
