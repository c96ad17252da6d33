"""Compiling the networks' blocks in place, and running them as they were written."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from torch import nn

from genctl.contracts import Objective


def compile_blocks(objective: Objective) -> None:
    """Compile each block of each trained module, or the whole of one without ``blocks``.

    Blocks of one kind share their code, so compiling them takes the time of one. Modules of a phase
    that takes second-order gradients stay as they are.
    """
    if any(phase.second_order for phase in objective.phases):
        return
    for module in objective.modules.values():
        for part in _parts(module):
            part.compile()


def stay_eager(module: nn.Module) -> nn.Module:
    """``module``, running nothing compiled from now on."""
    for part in module.modules():
        part._compiled_call_impl = None
    return module


def could_not_compile(error: Exception) -> bool:
    """Whether ``error`` comes from the compiler, e.g. for want of one for C++.

    Told by where its class is from, as loading the compiler to ask takes seconds.
    """
    rooms = ("torch._dynamo", "torch._inductor")
    return any(kind.__module__.startswith(rooms) for kind in type(error).__mro__)


def eager_copy(module: nn.Module) -> nn.Module:
    """A copy in eval mode that takes no gradients and runs nothing compiled."""
    return stay_eager(copy.deepcopy(module).eval().requires_grad_(False))


def _parts(module: nn.Module) -> Iterator[nn.Module]:
    blocks = getattr(module, "blocks", None)
    if isinstance(blocks, nn.ModuleList) and len(blocks):
        yield from blocks
    else:
        yield module
