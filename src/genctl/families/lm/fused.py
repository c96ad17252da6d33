"""The decoder's weights prepared for inference, so that a token needs few operator calls.

Projections of the same input are one matrix. The norms' weights are folded into the matrices and
rotary tables after them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from genctl.families.lm.network import Block, Decoder, DecoderShape

Attend = Callable[[int, Tensor, Tensor], Tensor]
"""Stores keys and values of new tokens and attends: from the number of a layer, queries
(M, heads, D) and keys followed by values (M, 2 kv_heads, D) to (M, heads * D)."""

LAZY = 512
"""From this number of tokens on, rotary factors are looked up by layer, to use less memory."""


@dataclass(frozen=True)
class FusedLayer:
    """The weights of a block; ``qkv`` and the others are (in, out) matrices."""

    qkv: Tensor
    out: Tensor
    gate_up: Tensor
    down: Tensor


class FusedDecoder:
    """A `Decoder` on flat lists of tokens, with attention by the caller.

    Args:
        network: the decoder; its weights are copied now, so later changes have no effect.

    Attributes:
        shape: the shape of the network.
        layers: the weights of its blocks.
    """

    @torch.no_grad()
    def __init__(self, network: Decoder) -> None:
        self.shape = network.shape
        blocks = [cast("Block", block) for block in network.blocks]
        self.layers = [_fused(block) for block in blocks]
        # (context, 2 depth, heads + kv_heads, head_dim): for each layer the factors of a query or
        # key and of its swapped halves, including the norms of queries and keys.
        rotary = [_rotary_with_norms(block, network.rotary, network.shape) for block in blocks]
        self._rotary = torch.cat(rotary, dim=1)
        self._embedding = network.model.embed_tokens.weight.detach()
        self._head = (network.lm_head.weight * network.model.norm.weight).t().contiguous()
        self._eps = self._head.new_tensor(network.shape.norm_eps)

    @property
    def like(self) -> Tensor:
        """An empty tensor of the weights' type and device."""
        return self._head.new_empty(0)

    def run(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Apply all blocks.

        Args:
            tokens: (M,) int64.
            positions: (M,) int64, of the tokens; (1,) if all have the same position.
            attend: see `Attend`.

        Returns:
            (M, width), for `logits`.
        """
        x = F.embedding(tokens, self._embedding)
        table = self._rotary
        factors = iter(
            table.index_select(0, positions).unbind(1)
            if len(positions) < LAZY
            else (factor[positions] for factor in table.unbind(1))
        )
        for number, (layer, cos, sin) in enumerate(zip(self.layers, factors, factors, strict=True)):
            x = self._block(x, number, layer, cos, sin, attend)
        return x

    def _block(
        self, x: Tensor, number: int, layer: FusedLayer, cos: Tensor, sin: Tensor, attend: Attend
    ) -> Tensor:
        shape = self.shape
        heads = (self._norm(x) @ layer.qkv).view(x.shape[0], -1, shape.head_dim)
        turned = heads.narrow(1, 0, shape.heads + shape.kv_heads)
        turning = self._norm(turned) if shape.qk_norm else turned
        swapped = turning.roll(shape.head_dim // 2, -1)
        torch.addcmul(turning * cos, swapped, sin, out=turned)
        query, stored = heads.split_with_sizes((shape.heads, 2 * shape.kv_heads), 1)
        x = torch.addmm(x, attend(number, query, stored), layer.out)
        gate, up = (self._norm(x) @ layer.gate_up).chunk(2, dim=-1)
        return torch.addmm(x, F.silu(gate).mul_(up), layer.down)

    def logits(self, x: Tensor) -> Tensor:
        """``x: (M, width)`` after the last block to ``(M, vocab_size)`` float32."""
        return (self._norm(x) @ self._head).float()

    def _norm(self, x: Tensor) -> Tensor:
        """The norm without its weight, in a third of the operations of `F.rms_norm` on a CPU."""
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return x * torch.addcmul(self._eps, length, length, value=1 / x.shape[-1]).rsqrt_()


def _fused(block: Block) -> FusedLayer:
    attention, feed = block.self_attn, block.mlp
    qkv = torch.cat([p.weight for p in (attention.q_proj, attention.k_proj, attention.v_proj)])
    gate_up = torch.cat([feed.gate_proj.weight, feed.up_proj.weight])
    return FusedLayer(
        qkv=(qkv * block.input_layernorm.weight).t().contiguous(),
        out=attention.o_proj.weight.t().contiguous(),
        gate_up=(gate_up * block.post_attention_layernorm.weight).t().contiguous(),
        down=feed.down_proj.weight.t().contiguous(),
    )


def _rotary_with_norms(block: Block, table: Tensor, shape: DecoderShape) -> Tensor:
    """(context, 2, heads + kv_heads, head_dim) factors of a head and of its halves swapped."""
    weights = table.new_ones(shape.heads + shape.kv_heads, shape.head_dim)
    attention = block.self_attn
    if attention.q_norm is not None and attention.k_norm is not None:
        weights[: shape.heads] = attention.q_norm.weight
        weights[shape.heads :] = attention.k_norm.weight
    cos, sin = (part.unsqueeze(1) for part in table)
    first, second = weights.chunk(2, dim=-1)
    straight = torch.cat([first * cos, second * cos], dim=-1)
    crossed = torch.cat([-second * sin, first * sin], dim=-1)
    return torch.stack([straight, crossed], dim=1)
