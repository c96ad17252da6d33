"""How the ranks of a process group exchange tensors: the operations, and those of torch."""

from __future__ import annotations

import enum
from typing import Protocol

import torch
from torch import Tensor, distributed


class Reduction(enum.Enum):
    """What becomes of the values of all ranks."""

    SUM = "sum"
    MAX = "max"


class Channel(Protocol):
    """Operations that every rank calls at the same time, with tensors of the same shape."""

    def all_reduce(self, x: Tensor, reduction: Reduction = Reduction.SUM) -> None:
        """Replace ``x`` by the sum or maximum over all ranks, the same bits on each."""

    def all_gather(self, x: Tensor) -> list[Tensor]:
        """``x`` of every rank, in the order of ranks."""

    def broadcast(self, x: Tensor) -> None:
        """Replace ``x`` by that of rank 0."""


class TorchChannel:
    """The operations of ``torch.distributed``, on CPUs and GPUs, on one machine or several."""

    def all_reduce(self, x: Tensor, reduction: Reduction = Reduction.SUM) -> None:
        operations = {
            Reduction.SUM: distributed.ReduceOp.SUM,
            Reduction.MAX: distributed.ReduceOp.MAX,
        }
        distributed.all_reduce(x, operations[reduction])

    def all_gather(self, x: Tensor) -> list[Tensor]:
        x = x.contiguous()
        rows = [torch.empty_like(x) for _ in range(distributed.get_world_size())]
        distributed.all_gather(rows, x)
        return rows

    def broadcast(self, x: Tensor) -> None:
        distributed.broadcast(x, 0)
