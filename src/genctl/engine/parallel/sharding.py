"""Weights, EMA copies and optimizer states sharded over the ranks.

Fully sharded data parallelism (Zhao et al. 2023, PyTorch FSDP, arXiv 2304.11277; ZeRO stage 3 of
Rajbhandari et al. 2019, arXiv 1910.02054) by torch's `fully_shard`: a block's weights are whole
only while it runs, and gradients are reduced directly into their shards. The functions here take
both sharded and other tensors: a tensor that is not sharded is its own shard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from genctl.contracts import Objective
from genctl.errors import ExitStatus, GenctlError
from genctl.nn.blocks import blocks_of


def shardable_roles(objective: Objective) -> frozenset[str]:
    """The modules that can be sharded: all but those of a phase with second-order gradients."""
    whole = {name for phase in objective.phases if phase.second_order for name in phase.optimizers}
    owners = {
        role: {name for name, spec in objective.optimizers.items() if spec.owns_some_of(role)}
        for role in objective.modules
    }
    return frozenset(role for role, names in owners.items() if names and not names & whole)


def shard(modules: Iterable[nn.Module], device: torch.device, size: int) -> None:
    """Shard modules in place, block by block, then the rest of each; scalars stay whole."""
    from torch.distributed.device_mesh import init_device_mesh

    mesh = init_device_mesh(device.type, (size,))
    for module in modules:
        if not any(parameter.ndim for parameter in module.parameters()):
            continue
        root = _root(module)
        for block in blocks_of(root):
            if block is not root:
                _shard_one(block, mesh)
        _shard_one(root, mesh)


def _shard_one(module: nn.Module, mesh: Any) -> None:
    from torch.distributed.fsdp import fully_shard  # a second to import

    # Without resharding, the outermost module stays whole after a pass without gradients, such as
    # the generator's in the discriminator's phase; the next pass would then give no gradients and
    # use old weights.
    scalars = {parameter for parameter in module.parameters() if not parameter.ndim}
    shard = fully_shard(module, mesh=mesh, reshard_after_forward=True, ignored_params=scalars)
    # Gradients are sums, since the engine divides by the weights of all losses; gloo has only sums.
    shard.set_gradient_divide_factor(1.0)
    shard.set_force_sum_reduction_for_comms(True)


def _root(module: nn.Module) -> nn.Module:
    """The innermost module that has all parameters, and whose call uses them."""
    while not list(module.parameters(recurse=False)):
        inner = [child for child in module.children() if any(True for _ in child.parameters())]
        if len(inner) != 1:
            break
        (module,) = inner
    return module


def is_sharded(tensor: Tensor) -> bool:
    """Whether each rank has a shard of it, i.e. it is a ``DTensor``, which is slow to import."""
    return hasattr(tensor, "full_tensor")


def local(tensor: Any) -> Tensor:
    """The shard of this rank, not a copy."""
    found: Tensor = tensor.to_local() if is_sharded(tensor) else tensor
    return found


def full(tensor: Any) -> Tensor:
    """The whole tensor; a collective operation that all ranks must call."""
    found: Tensor = tensor.full_tensor() if is_sharded(tensor) else tensor
    return found


def own_rows(full: Tensor, like: Any) -> Tensor:
    """The rows of ``full`` that this rank has of ``like``."""
    if not is_sharded(like):
        return full
    rank, size = like.device_mesh.get_local_rank(), like.device_mesh.size()
    rows = -(-full.shape[0] // size)
    return full[rank * rows : (rank + 1) * rows]


def shard_like(full: Tensor, like: Any) -> Tensor:
    """``full`` sharded like ``like`` if the shapes agree, as for moments but not counters."""
    if not is_sharded(like) or full.shape != like.shape:
        return full
    from torch.distributed.tensor import DTensor

    own = own_rows(full, like).to(like.device).contiguous()
    return DTensor.from_local(
        own, like.device_mesh, like.placements, shape=like.shape, stride=like.stride()
    )


@torch.no_grad()
def load_full(targets: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Copy whole ``tensors`` into ``targets`` of the same names; some targets may be sharded.

    Raises:
        GenctlError: (DATA) a name or a shape differs.
    """
    if targets.keys() != tensors.keys():
        odd = sorted(targets.keys() ^ tensors.keys())
        raise GenctlError(
            ExitStatus.DATA, f"the weights do not fit: {odd[0]!r} is on one side only"
        )
    for name, target in targets.items():
        if target.shape != tensors[name].shape:
            raise GenctlError(
                ExitStatus.DATA, f"the weights do not fit: {name!r} has another shape"
            )
        local(target).copy_(own_rows(tensors[name], target))
