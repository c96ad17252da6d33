"""Small decoders of which no weight is zero."""

from __future__ import annotations

from typing import Any

import torch

from genctl.families.lm.network import Decoder, DecoderShape

SHAPE: dict[str, Any] = {
    "vocab_size": 40,
    "context": 24,
    "width": 32,
    "depth": 2,
    "heads": 4,
    "kv_heads": 4,
    "head_dim": 8,
    "hidden": 48,
}
KINDS: list[dict[str, Any]] = [
    {},
    {"kv_heads": 2},
    {"kv_heads": 1},
    {"qk_norm": False},
    {"tied": True},
]


def decoder(**kind: Any) -> Decoder:
    """One of `SHAPE`, but for what ``kind`` changes."""
    torch.manual_seed(0)
    network = Decoder(DecoderShape(**{**SHAPE, **kind})).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.2)
    return network


def tokens(*shape: int) -> torch.Tensor:
    return torch.randint(40, shape, generator=torch.Generator().manual_seed(sum(shape)))
