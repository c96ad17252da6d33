"""A differentiable all-gather of rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from genctl.engine.parallel.channels import Channel


class _Gather(torch.autograd.Function):
    """Forward: all-gather. Backward: all-reduce, from which each rank takes its own rows.

    `torch.distributed.nn` has the same operation, but not for a group of two backends.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, rank: int, channel: Channel) -> Tensor:
        ctx.own = slice(rank * len(x), (rank + 1) * len(x))
        ctx.channel = channel
        return torch.cat(channel.all_gather(x))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        total = gradient.float().clone(memory_format=torch.contiguous_format)
        ctx.channel.all_reduce(total)
        return total[ctx.own].to(gradient.dtype), None, None


def gather(x: Tensor, rank: int, channel: Channel) -> Tensor:
    """The rows of ``x`` of all ranks, in the order of ranks.

    Args:
        x: (B, ...), with the same shape on every rank.
        rank: the rank of this process.
        channel: how the ranks exchange tensors.

    Returns:
        (ranks * B, ...). The gradient with respect to ``x`` is summed over the losses of all ranks.
    """
    gathered: Tensor = _Gather.apply(x, rank, channel)  # type: ignore[no-untyped-call]
    return gathered
