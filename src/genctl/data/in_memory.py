"""Examples in memory as a data set, which a kind of data may use directly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from genctl.contracts import Batch, DataSpec
from genctl.seeding import seed_of

HELD_OUT_BATCH = 256


class ShuffledOrder:
    """The example at a position of the endless stream: one permutation per epoch.

    Args:
        size: the number of examples.
        seed: keys the permutations, together with the number of the epoch.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._epoch = -1
        self._permutation: list[int] = []

    def __getitem__(self, position: int) -> int:
        epoch, place = divmod(position, self._size)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(seed_of(self._seed, "order", epoch))
            self._permutation = torch.randperm(self._size, generator=generator).tolist()
            self._epoch = epoch
        return self._permutation[place]


def shuffled_batches(
    size: int,
    take: Callable[[Tensor, range], Batch],
    position: int,
    batch_size: int,
    *,
    seed: int,
    rank: int = 0,
    world: int = 1,
) -> Iterator[Batch]:
    """The stream of a `genctl.contracts.Dataset`: each epoch has each example once.

    Args:
        size: the number of examples.
        take: (rows, positions) -> these examples as the batch of these positions.
        position, batch_size, seed, rank, world: as in `genctl.contracts.Dataset.stream`.
    """
    share = batch_size // world
    order = ShuffledOrder(size, seed)
    while True:
        first = position + rank * share
        positions = range(first, first + share)
        yield take(torch.tensor([order[place] for place in positions]), positions)
        position += batch_size


def in_order(count: int) -> Iterator[range]:
    """The rows of each batch of a pass over ``count`` examples."""
    return (
        range(start, min(start + HELD_OUT_BATCH, count))
        for start in range(0, count, HELD_OUT_BATCH)
    )


class InMemoryDataset:
    """A `genctl.contracts.Dataset` of tensors that fit into memory.

    Args:
        spec: the description of the tensors; ``spec.examples`` is the number of training examples.
        train: batch key -> (N, ...), the examples to train on.
        held_out: batch key -> (M, ...), those that training never reads; None where there are none.
        assets: the files that ``spec.assets`` names -> their content.

    Raises:
        ValueError: the tensors do not have ``spec.examples`` rows, or differ in their rows.
    """

    def __init__(
        self,
        spec: DataSpec,
        train: Mapping[str, Tensor],
        held_out: Mapping[str, Tensor] | None = None,
        assets: Mapping[str, bytes] | None = None,
    ) -> None:
        rows = {key: len(tensor) for key, tensor in train.items()}
        if set(rows.values()) != {spec.examples}:
            raise ValueError(f"the spec has {spec.examples} examples, and the tensors have {rows}")
        self.spec = spec
        self.assets = assets or {}
        self._train = train
        self._held_out = held_out

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Batches from ``position`` on; each epoch yields each example once, in its own order."""

        def take(rows: Tensor, positions: range) -> Batch:
            return Batch({key: tensor[rows] for key, tensor in self._train.items()}, positions)

        return shuffled_batches(
            self.spec.examples, take, position, batch_size, seed=seed, rank=rank, world=world
        )

    def held_out(self) -> Iterator[Batch] | None:
        """The held-out examples, in order; None where there are none."""
        if self._held_out is None:
            return None
        return _batches(self._held_out)

    def everything(self) -> Iterator[Batch]:
        """All examples once, to score a model that was trained on other data."""
        if self._held_out is not None:
            yield from _batches(self._held_out)
        yield from _batches(self._train)


def _batches(examples: Mapping[str, Tensor]) -> Iterator[Batch]:
    for rows in in_order(len(next(iter(examples.values())))):
        yield Batch({key: tensor[rows.start : rows.stop] for key, tensor in examples.items()}, rows)
