from __future__ import annotations

import itertools

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from genctl.contracts import Batch
from genctl.data.images.dataset import ImageDataset, statistics, to_float, to_uint8
from genctl.data.images.options import ImageData
from genctl.data.images.prepare import prepare_images


def prepared(options: ImageData) -> ImageDataset:
    dataset = prepare_images(options).dataset
    assert isinstance(dataset, ImageDataset)
    return dataset


DIGITS = prepared(ImageData())


def positions(batches: list[Batch]) -> list[int]:
    return [position for batch in batches for position in batch.positions]


def first(dataset: ImageDataset, count: int, size: int, **where: int) -> list[Batch]:
    return list(itertools.islice(dataset.stream(where.pop("position", 0), size, **where), count))


def test_every_level_survives_the_way_to_floats_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(to_float(levels)), levels)
    assert to_float(levels).min() == -1
    assert to_float(levels).max() == 1
    assert to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


@given(st.integers(0, 20_000), st.integers(0, 5))
def test_an_example_depends_on_seed_and_position_alone(position: int, seed: int) -> None:
    whole = first(DIGITS, 1, 8, position=position, seed=seed)[0]
    later = first(DIGITS, 2, 4, position=position, seed=seed)
    assert torch.equal(whole["image"], torch.cat([batch["image"] for batch in later]))
    assert torch.equal(whole["label"], torch.cat([batch["label"] for batch in later]))
    assert positions([whole]) == positions(later) == list(range(position, position + 8))


def test_an_epoch_shows_every_example_once_and_the_next_another_order() -> None:
    size = len(DIGITS)
    epochs = [
        torch.cat([b["image"] for b in first(DIGITS, 1, size, position=k * size, seed=0)])
        for k in range(2)
    ]
    sums = [epoch.sum((1, 2, 3)).sort().values for epoch in epochs]
    assert torch.equal(*sums)
    assert not torch.equal(*epochs)


def test_ranks_share_a_batch_out() -> None:
    whole = first(DIGITS, 3, 12, seed=1)
    shares = [first(DIGITS, 3, 12, seed=1, rank=r, world=3) for r in range(3)]
    for number, batch in enumerate(whole):
        parts = torch.cat([share[number]["image"] for share in shares])
        assert torch.equal(parts, batch["image"])


def test_flips_mirror_about_half_and_always_the_same() -> None:
    plain = first(DIGITS, 1, 400, seed=0)[0]["image"]
    flipped = prepared(ImageData(flip=True))
    one, two = (first(flipped, 1, 400, seed=0)[0]["image"] for _ in range(2))
    assert torch.equal(one, two)
    mirrored = [
        torch.equal(a, b.flip(2)) and not torch.equal(a, b) for a, b in zip(one, plain, strict=True)
    ]
    assert 150 < sum(mirrored) < 250


def test_statistics_are_those_of_the_floats() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 7, 6, 3)).astype(np.uint8)
    floats = images / 127.5 - 1
    found = statistics(images)
    assert np.isclose(found["mean"], floats.mean(), atol=1e-12)
    assert np.isclose(found["sigma_data"], floats.std(), atol=1e-12)


def test_the_spec_says_what_the_data_is() -> None:
    spec = DIGITS.spec
    assert (spec.shape, spec.unit, spec.num_classes) == ((1, 28, 28), "img", 10)
    assert spec.examples == len(DIGITS)
    assert 0.55 < spec.statistics["sigma_data"] < 0.7
    assert type(spec).from_json(spec.to_json()) == spec
