"""What all ranks must have in common before they sum the gradients of a phase."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import torch
from torch import nn

from genctl.engine.parallel.channels import Reduction
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.parallel.sharding import is_sharded


def agree_on_gradients(
    world: ProcessGroup, parameters: Sequence[nn.Parameter], metrics: Iterable[str]
) -> None:
    """Give every rank gradients of the same parameters, since the ranks send them as one list.

    A gradient that only other ranks have becomes zeros here; one that no rank has stays None.
    Sharded parameters are left as they are: their gradients are already sums over the ranks.

    Args:
        parameters: the parameters of a phase, the same on every rank.
        metrics: the names of the metrics of the phase on this rank.

    Raises:
        ValueError: the names of the metrics differ between the ranks.
    """
    if world.size == 1:
        return
    whole = [parameter for parameter in parameters if not is_sharded(parameter)]
    digest = hashlib.sha256("\n".join(metrics).encode()).digest()
    names = int.from_bytes(digest[:7])
    found = torch.tensor([names, -names, *(parameter.grad is not None for parameter in whole)])
    with world.detecting_lost_ranks():
        world.channel.all_reduce(found, Reduction.MAX)
    largest, smallest, *present = found.tolist()
    if largest != -smallest:
        raise ValueError("the names of the metrics differ between the processes")
    for parameter, somewhere in zip(whole, present, strict=True):
        if somewhere and parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
