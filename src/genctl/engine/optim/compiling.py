"""How the blocks of networks run: compiled, with gradient checkpointing, or eagerly."""

from __future__ import annotations

import copy
import functools
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from genctl.contracts import Objective
from genctl.nn.blocks import blocks_of


def compile_blocks(objective: Objective) -> None:
    """Compile each block of each trained module, or a module without ``blocks`` as a whole.

    Blocks of one kind share their code, so compiling them takes the time of one. If a phase takes
    second-order gradients, no module is compiled.
    """
    if any(phase.second_order for phase in objective.phases):
        return
    for module in objective.modules.values():
        for part in blocks_of(module):
            part.compile()


def recompute_blocks(objective: Objective) -> None:
    """Use gradient checkpointing in each block of each trained module.

    Chen et al. 2016 (arXiv 1604.06174): a block keeps only its inputs and runs again for gradients.
    Memory holds one block and the inputs of all blocks, at the cost of a second forward pass.
    Copies, and passes without gradients, run as before.
    """
    for module in objective.modules.values():
        for part in blocks_of(module):
            # An attribute of the instance; a deep copy creates its own.
            part.forward = functools.partial(_recomputed, part)


def _recomputed(part: nn.Module, *inputs: Any) -> Any:
    forward = functools.partial(type(part).forward, part)
    if not torch.is_grad_enabled():
        return forward(*inputs)
    return checkpoint(forward, *inputs, use_reentrant=False)


def stay_eager(module: nn.Module) -> nn.Module:
    """Run ``module`` eagerly from now on; returns it."""
    for part in module.modules():
        part._compiled_call_impl = None
    return module


def could_not_compile(error: Exception) -> bool:
    """Whether ``error`` comes from the compiler, e.g. because there is none for C++.

    The module of its class decides, since importing the compiler for a type check takes seconds.
    """
    rooms = ("torch._dynamo", "torch._inductor")
    return any(kind.__module__.startswith(rooms) for kind in type(error).__mro__)


def eager_copy(module: nn.Module) -> nn.Module:
    """A copy in eval mode that takes no gradients and runs eagerly."""
    return stay_eager(copy.deepcopy(module).eval().requires_grad_(False))
