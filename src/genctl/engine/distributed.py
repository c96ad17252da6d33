"""Several processes as one training: who they are, and what they say to each other.

They are started by torchrun, which sets ``RANK``, ``WORLD_SIZE`` and the rest. Rank 0 decides,
writes and talks; the others do as it does, each on its own share of every batch.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, distributed
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

STEP, RELOAD, END = 0.0, 1.0, 2.0
PATIENCE = datetime.timedelta(minutes=30)
"""How long a process waits for the others, e.g. while rank 0 scores a checkpoint."""

T = TypeVar("T")


class Order(NamedTuple):
    """What rank 0 tells the others to do, as numbers.

    Attributes:
        kind: `STEP` (one is the fraction of the budget), `RELOAD` (one is the step whose checkpoint
            to load, two the attempt, three the rate scale) or `END`.
    """

    kind: float
    one: float = 0.0
    two: float = 0.0
    three: float = 0.0


class World:
    """The processes of a training; alone unless torchrun started them.

    Attributes:
        rank: of this process, from 0.
        size: how many there are.
        local_rank: of this process on its machine.
    """

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int = 0) -> None:
        self.rank = rank
        self.size = size
        self.local_rank = local_rank

    @classmethod
    def join(cls, device: str | None) -> World:
        """Meet the others; at once when there are none.

        Args:
            device: where training runs, as the user named it; the best there is when None.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        world = cls(int(os.environ["RANK"]), size, int(os.environ.get("LOCAL_RANK", "0")))
        on_gpu = torch.cuda.is_available() and not (device or "").startswith("cpu")
        if on_gpu:
            torch.cuda.set_device(world.local_rank)
        distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
        return world

    def leave(self) -> None:
        """Part from the others."""
        if self.size > 1:
            distributed.destroy_process_group()

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def agree(self, value: T) -> T:
        """What rank 0 has for ``value``, for all."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        distributed.broadcast_object_list(box)
        found: T = box[0]
        return found

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.size > 1:
            distributed.barrier()

    def order(self, order: Order) -> None:
        """Tell the others what to do; rank 0 does it too."""
        if self.size > 1 and self.leads:
            self._broadcast(torch.tensor(order, dtype=torch.float64))

    def receive(self) -> Order:
        """What rank 0 tells."""
        return Order(*self._broadcast(torch.zeros(4, dtype=torch.float64)).tolist())

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in float32 and in one message."""
        if self.size == 1 or not tensors:
            return
        flat = _flatten_dense_tensors([tensor.float() for tensor in tensors])
        distributed.all_reduce(flat)
        summed = _unflatten_dense_tensors(flat, tensors)
        torch._foreach_copy_(list(tensors), list(summed))

    def gather(self, x: Tensor) -> Tensor:
        """The rows of ``x`` of every process, in the order of ranks; differentiable."""
        if self.size == 1:
            return x
        from torch.distributed.nn.functional import all_gather

        rows: tuple[Tensor, ...] = all_gather(x)
        return torch.cat(rows)

    def _broadcast(self, numbers: Tensor) -> Tensor:
        if distributed.get_backend() == "nccl":
            numbers = numbers.cuda()
        distributed.broadcast(numbers, 0)
        return numbers.cpu()
