"""Examples in memory: a stream that can be cut anywhere, and what is held out of it."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from genctl.contracts import DataSpec, Feature
from genctl.data.in_memory import HELD_OUT_BATCH, InMemoryDataset

COUNT = 10


@pytest.fixture
def dataset() -> InMemoryDataset:
    features = {"image": Feature("image", (1, 1, 1))}
    spec = DataSpec("numbers", "numbers", "img", COUNT, "", features)
    train = torch.arange(COUNT).view(COUNT, 1, 1, 1)
    return InMemoryDataset(spec, {"image": train}, {"image": -1 - torch.arange(300)})


def read(
    dataset: InMemoryDataset, position: int, size: int, count: int, **choice: int
) -> list[int]:
    stream = dataset.stream(position, size, **{"seed": 1, **choice})
    return [int(x) for batch in islice(stream, count) for x in batch["image"].flatten()]


def test_each_epoch_has_each_example_once_in_another_order(dataset: InMemoryDataset) -> None:
    first, second = read(dataset, 0, COUNT, 1), read(dataset, COUNT, COUNT, 1)
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert first != second
    assert first != read(dataset, 0, COUNT, 1, seed=2)


def test_the_stream_can_be_cut_anywhere(dataset: InMemoryDataset) -> None:
    whole = read(dataset, 0, 4, 6)
    assert read(dataset, 8, 4, 4) == whole[8:]
    assert read(dataset, 0, 8, 3) == whole
    shares = [read(dataset, 0, 4, 1, rank=rank, world=2) for rank in (0, 1)]
    assert shares[0] + shares[1] == whole[:4]


def test_what_is_held_out_comes_once_in_order(dataset: InMemoryDataset) -> None:
    held_out = dataset.held_out()
    assert held_out is not None
    batches = list(held_out)
    assert [len(batch.positions) for batch in batches] == [HELD_OUT_BATCH, 300 - HELD_OUT_BATCH]
    assert torch.equal(torch.cat([b["image"] for b in batches]), -1 - torch.arange(300))
    everything = torch.cat([batch["image"].flatten() for batch in dataset.everything()])
    assert sorted(everything.tolist()) == list(range(-300, COUNT))


def test_nothing_may_be_held_out(dataset: InMemoryDataset) -> None:
    alone = InMemoryDataset(dataset.spec, {"image": torch.zeros(COUNT)})
    assert alone.held_out() is None
    assert sum(len(batch.positions) for batch in alone.everything()) == COUNT


def test_a_spec_with_another_number_of_examples_is_an_error() -> None:
    spec = DataSpec("numbers", "numbers", "img", 3, "", {"image": Feature("image", (1,))})
    with pytest.raises(ValueError, match="3 examples, and the tensors have"):
        InMemoryDataset(spec, {"image": torch.zeros(4, 1)})
