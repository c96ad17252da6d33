"""The rows that all processes hold, with gradients that find their way back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed
from torch.autograd.function import once_differentiable


class _Gather(torch.autograd.Function):
    """Forward: everyone's rows. Backward: what everyone's loss has for one's own rows.

    `torch.distributed.nn` has the same, but not for a group of two backends.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, rank: int, size: int) -> Tensor:
        ctx.own = slice(rank * len(x), (rank + 1) * len(x))
        rows = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(size)]
        distributed.all_gather(rows, x.contiguous())
        return torch.cat(rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        total = gradient.float().clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total[ctx.own].to(gradient.dtype), None, None


def gather(x: Tensor, rank: int, size: int) -> Tensor:
    """The rows of ``x`` of all ``size`` processes, in the order of ranks.

    Args:
        x: (B, ...) float, of the same shape everywhere.

    Returns:
        (size * B, ...). Its gradient at ``x`` is summed over the losses of all processes.
    """
    gathered: Tensor = _Gather.apply(x, rank, size)  # type: ignore[no-untyped-call]
    return gathered
