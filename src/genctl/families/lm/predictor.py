"""Reading token by token: the decoder with its keys and values kept.

The weights are prepared once, so that a token costs few operator calls: the projections of a kind
lie in one matrix, the norms' weights are folded into the matrices and rotary tables behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from genctl.families.lm.network import Block, Decoder, DecoderShape

PREFILL = 512
"""Tokens read at a time in a long prompt, so that its attention scores stay small."""


@dataclass(frozen=True)
class _Layer:
    """A block's weights; ``rotary (context, 2, heads, head_dim)`` holds its query-key norms too."""

    qkv: Tensor
    out: Tensor
    gate_up: Tensor
    down: Tensor
    rotary: Tensor


class KVCachePredictor:
    """A `genctl.contracts.TokenPredictor` of a decoder: each token is computed once.

    Rows are padded on the left, so that all of them write to the same column of the cache; a row's
    positions count from its own first token.
    """

    def __init__(self, network: Decoder) -> None:
        self.context = network.shape.context
        self._shape = network.shape
        self._embedding = network.model.embed_tokens.weight.detach()
        with torch.no_grad():
            self._layers = [
                _prepared(cast("Block", block), network.rotary, network.shape)
                for block in network.blocks
            ]
            self._head = (network.lm_head.weight * network.model.norm.weight).t().contiguous()
        self._rotary = torch.stack([layer.rotary for layer in self._layers], dim=1)
        self._eps = self._head.new_tensor(network.shape.norm_eps)
        self._caches: list[tuple[Tensor, Tensor]] = []
        self._length = 0
        self._pads: Tensor | None = None
        self._hidden_pads: Tensor | None = None

    def begin(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Forget everything, read ``rows``; the logits after each, (B, vocabulary) float32."""
        device = self._embedding.device
        lengths = [len(row) for row in rows]
        longest, shortest = max(lengths), min(lengths)
        padded = [[0] * (longest - len(row)) + list(row) for row in rows]
        tokens = torch.tensor(padded, device=device)
        self._reserve(len(rows), longest - shortest + self.context)
        self._length = 0
        self._pads = self._hidden_pads = None
        if shortest < longest:
            self._pads = longest - torch.tensor(lengths, device=device)
            columns = torch.arange(self._caches[0][0].shape[2], device=device)
            seen = columns >= self._pads[:, None]
            self._hidden_pads = torch.zeros(seen.shape, device=device, dtype=self._head.dtype)
            self._hidden_pads.masked_fill_(~seen, float("-inf"))
        last = tokens
        for part in tokens.split(PREFILL, dim=1):
            last = self._read(part)
        return last

    def advance(self, tokens: Tensor) -> Tensor:
        """Read one more token a row, (B,) int64; the logits after it, (B, vocabulary) float32."""
        return self._read(tokens.unsqueeze(1))

    def _reserve(self, rows: int, capacity: int) -> None:
        shape = (rows, self._shape.kv_heads, capacity, self._shape.head_dim)
        if not self._caches or self._caches[0][0].shape != shape:
            self._caches = [
                (self._head.new_empty(shape), self._head.new_empty(shape)) for _ in self._layers
            ]

    def _read(self, tokens: Tensor) -> Tensor:
        """``tokens: (B, T)``; the logits after the last of each row."""
        start, stop = self._length, self._length + tokens.shape[1]
        mask, tables = self._mask(start, stop), self._tables(start, stop)
        x = F.embedding(tokens, self._embedding)
        for layer, cache, table in zip(self._layers, self._caches, tables, strict=True):
            x = self._block(x, layer, cache, table, start, stop, mask)
        self._length = stop
        return (self._norm(x[:, -1]) @ self._head).float()

    def _block(
        self,
        x: Tensor,
        layer: _Layer,
        cache: tuple[Tensor, Tensor],
        table: Tensor,
        start: int,
        stop: int,
        mask: Tensor | None,
    ) -> Tensor:
        shape = self._shape
        rows, length, width = x.shape
        flat = x.reshape(-1, width)
        heads = (self._norm(flat) @ layer.qkv).view(rows, length, -1, shape.head_dim)
        turning, value = heads.split((shape.heads + shape.kv_heads, shape.kv_heads), dim=2)
        if shape.qk_norm:
            turning = self._norm(turning)
        cos, sin = table.unbind(-3)
        turned = (turning * cos).addcmul_(turning.roll(shape.head_dim // 2, -1), sin)
        query, key = turned.transpose(1, 2).split((shape.heads, shape.kv_heads), dim=1)
        keys, values = cache
        keys.narrow(2, start, length).copy_(key)
        values.narrow(2, start, length).copy_(value.transpose(1, 2))
        mixed = F.scaled_dot_product_attention(
            query,
            keys.narrow(2, 0, stop),
            values.narrow(2, 0, stop),
            attn_mask=mask,
            enable_gqa=shape.kv_heads != shape.heads,
        )
        flat = torch.addmm(flat, mixed.transpose(1, 2).reshape(rows * length, -1), layer.out)
        gate, up = (self._norm(flat) @ layer.gate_up).chunk(2, dim=-1)
        return torch.addmm(flat, F.silu(gate).mul_(up), layer.down).view(rows, length, width)

    def _norm(self, x: Tensor) -> Tensor:
        """The norm without its weight, in a third of the operations of `F.rms_norm` on a CPU."""
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return x * torch.addcmul(self._eps, length, length, value=1 / x.shape[-1]).rsqrt_()

    def _tables(self, start: int, stop: int) -> tuple[Tensor, ...]:
        """A layer's cosines and sines at the positions of these columns, (..., T, 2, heads, D)."""
        if self._pads is None:
            return self._rotary[start:stop].unbind(1)
        columns = torch.arange(start, stop, device=self._pads.device)
        positions = (columns - self._pads[:, None]).clamp_(min=0)
        return self._rotary[positions].unbind(2)

    def _mask(self, start: int, stop: int) -> Tensor | None:
        """What each new column may not see, added to its scores; None where it may see all."""
        pads = None if self._hidden_pads is None else self._hidden_pads[:, None, None, :stop]
        if stop - start == 1:
            return pads
        columns = torch.arange(stop, device=self._head.device)
        future = columns > columns[start:, None]
        mask = torch.zeros(future.shape, device=future.device, dtype=self._head.dtype)
        mask = mask.masked_fill_(future, float("-inf"))
        if pads is None:
            return mask
        # A pad sees itself: a row of the softmax without anything to see is not a number.
        itself = columns == columns[start:, None]
        return torch.where(itself, 0.0, mask + pads)


def _prepared(block: Block, table: Tensor, shape: DecoderShape) -> _Layer:
    attention, feed = block.self_attn, block.mlp
    qkv = torch.cat([p.weight for p in (attention.q_proj, attention.k_proj, attention.v_proj)])
    gate_up = torch.cat([feed.gate_proj.weight, feed.up_proj.weight])
    return _Layer(
        qkv=(qkv * block.input_layernorm.weight).t().contiguous(),
        out=attention.o_proj.weight.t().contiguous(),
        gate_up=(gate_up * block.post_attention_layernorm.weight).t().contiguous(),
        down=feed.down_proj.weight.t().contiguous(),
        rotary=_rotary_with_norms(block, table, shape),
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
