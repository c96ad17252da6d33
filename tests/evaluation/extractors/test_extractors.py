from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from genctl.data.images.sets.digits import load_digits
from genctl.evaluation.extractors.base import Classifier, Extractor
from genctl.evaluation.extractors.digits import DigitsExtractor
from genctl.evaluation.extractors.rand import RandExtractor
from genctl.evaluation.features import extract
from genctl.evaluation.measures.frechet import Gaussian, frechet_of


@pytest.fixture(scope="module")
def digits() -> DigitsExtractor:
    return DigitsExtractor()


@pytest.fixture(scope="module")
def held_out() -> tuple[Tensor, Tensor]:
    images, labels = load_digits("test")
    return torch.from_numpy(images[:500]), torch.from_numpy(labels[:500])


def accuracy(extractor: DigitsExtractor, images: Tensor, labels: Tensor) -> float:
    logits = extractor.logits(extract(extractor, [images]).values)
    return (logits.argmax(1) == labels).double().mean().item()


def test_random_weights_are_the_same_everywhere(rand: RandExtractor) -> None:
    assert rand.sha256.startswith("e8b6a20cb2cb5d2c")


def test_which_extractors_classify(rand: RandExtractor, digits: DigitsExtractor) -> None:
    assert isinstance(digits, Classifier)
    assert not isinstance(rand, Classifier)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 28, 28), (4, 20, 33), (3, 200, 100)])
def test_any_image_gives_one_row(
    rand: RandExtractor, digits: DigitsExtractor, shape: tuple[int, ...]
) -> None:
    images = torch.randint(0, 256, (3, *shape), dtype=torch.uint8)
    extractors: tuple[Extractor, ...] = (rand, digits)
    for extractor in extractors:
        values = extract(extractor, [images]).values
        assert values.shape == (3, extractor.dim)
        assert values.dtype == torch.float32


def test_digits_are_recognised(digits: DigitsExtractor, held_out: tuple[Tensor, Tensor]) -> None:
    assert accuracy(digits, *held_out) > 0.97


def test_digits_are_recognised_in_colour_and_at_another_size(
    digits: DigitsExtractor, held_out: tuple[Tensor, Tensor]
) -> None:
    images, labels = held_out
    large = images.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    assert accuracy(digits, large.expand(-1, -1, -1, 3), labels) > 0.97


@pytest.mark.parametrize("extractor", [RandExtractor, DigitsExtractor])
def test_the_worse_the_images_the_further(
    extractor: type[Extractor], held_out: tuple[Tensor, Tensor]
) -> None:
    seen = extractor()
    images = held_out[0]
    train = torch.from_numpy(load_digits("train")[0][:1000])
    reference = Gaussian.fit(extract(seen, [train]).values)
    generator = np.random.default_rng(0)

    def distance(noise: float) -> float:
        spoiled = images.numpy() + noise * generator.standard_normal(images.shape)
        batch = spoiled.round().clip(0, 255).astype(np.uint8)
        return frechet_of(extract(seen, [batch]).values, reference).distance

    distances = [distance(noise) for noise in (0, 20, 40, 80)]
    assert distances == sorted(distances)
    assert distances[1] > 1.5 * distances[0]
