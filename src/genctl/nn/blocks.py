"""The repeated parts of networks: what is compiled, checkpointed and sharded as one."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn


def blocks_of(module: nn.Module) -> Iterator[nn.Module]:
    """The repeated parts of a network, or all of one that names none."""
    blocks = getattr(module, "blocks", None)
    if isinstance(blocks, nn.ModuleList) and len(blocks):
        yield from blocks
    else:
        yield module
