"""The decoder, with the names and shapes of Hugging Face's Llama and Qwen3 for easy export."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.nn.fused import rms_norm, rotary_table, rotate


@dataclass(frozen=True)
class DecoderShape:
    """The shape of a decoder.

    Attributes:
        vocab_size: number of tokens in the vocabulary.
        context: number of positions.
        width: width of the residual stream.
        depth: number of blocks.
        heads: query heads; kv_heads, the key and value heads, divides it.
        head_dim: width of a head; even.
        hidden: width inside the feed-forward layer.
        rope_theta: base of the rotary embedding's wavelengths.
        norm_eps: epsilon of the root-mean-square norms.
        qk_norm: whether queries and keys are normalised per head.
        tied: whether the embedding is also the output head.
    """

    vocab_size: int
    context: int
    width: int
    depth: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-6
    qk_norm: bool = True
    tied: bool = False


class RmsNorm(nn.Module):
    """Root-mean-square norm along the last axis."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """``x: (..., width)`` to the same."""
        return rms_norm(x, self.weight, self.eps)


class Attention(nn.Module):
    """Causal attention with rotary positions, grouped queries (Ainslie et al. 2023, arXiv
    2305.13245) and optional norms of queries and keys (Henry et al. 2020, arXiv 2010.04245)."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.head_dim = shape.head_dim
        inner, kv_inner = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.grouped = shape.kv_heads != shape.heads
        self.q_proj = nn.Linear(shape.width, inner, bias=False)
        self.k_proj = nn.Linear(shape.width, kv_inner, bias=False)
        self.v_proj = nn.Linear(shape.width, kv_inner, bias=False)
        self.o_proj = nn.Linear(inner, shape.width, bias=False)
        self.q_norm = RmsNorm(shape.head_dim, shape.norm_eps) if shape.qk_norm else None
        self.k_norm = RmsNorm(shape.head_dim, shape.norm_eps) if shape.qk_norm else None

    def forward(self, x: Tensor, rotary: Tensor) -> Tensor:
        """``x: (B, T, width)``, ``rotary: (2, T, head_dim / 2)``, to ``(B, T, width)``."""
        query, key, value = (
            proj(x).unflatten(-1, (-1, self.head_dim))
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        if self.q_norm is not None and self.k_norm is not None:
            query, key = self.q_norm(query), self.k_norm(key)
        mixed = F.scaled_dot_product_attention(
            rotate(query.transpose(1, 2), rotary),
            rotate(key.transpose(1, 2), rotary),
            value.transpose(1, 2),
            is_causal=True,
            enable_gqa=self.grouped,
        )
        out: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020, arXiv 2002.05202)."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down_proj = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``x: (..., width)`` to the same."""
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    """Attention, then the feed-forward layer, each normed before and added to the stream."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.input_layernorm = RmsNorm(shape.width, shape.norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RmsNorm(shape.width, shape.norm_eps)
        self.mlp = FeedForward(shape)

    def forward(self, x: Tensor, rotary: Tensor, dropout: float = 0.0) -> Tensor:
        """``x: (B, T, width)`` to the same; ``dropout`` applies to both residual branches."""
        x = x + _dropped(self.self_attn(self.input_layernorm(x), rotary), dropout)
        return x + _dropped(self.mlp(self.post_attention_layernorm(x)), dropout)


class Trunk(nn.Module):
    """Embedding, blocks and the last norm."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.norm = RmsNorm(shape.width, shape.norm_eps)


class Decoder(nn.Module):
    """From tokens to the logits of the next tokens.

    Args:
        shape: the shape of the decoder.

    Attributes:
        blocks: the repeated blocks, for compiling and sharding.
        rotary: see `genctl.nn.fused.rotary_table`.
    """

    rotary: Tensor

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Trunk(shape)
        self.lm_head = nn.Linear(shape.width, shape.vocab_size, bias=False)
        if shape.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        table = rotary_table(shape.context, shape.head_dim, shape.rope_theta)
        self.register_buffer("rotary", table, persistent=False)
        self._init()

    @property
    def blocks(self) -> nn.ModuleList:
        return self.model.layers

    def forward(self, tokens: Tensor, dropout: float = 0.0) -> Tensor:
        """``tokens: (B, T) int64``, T at most the context, to logits ``(B, T, vocab_size)``.

        Args:
            dropout: dropout probability of the embedding and of each residual branch.
        """
        x = _dropped(self.model.embed_tokens(tokens), dropout)
        rotary = self.rotary[:, : tokens.shape[1]]
        for block in self.model.layers:
            x = block(x, rotary, dropout)
        logits: Tensor = self.lm_head(self.model.norm(x))
        return logits

    @torch.no_grad()
    def _init(self) -> None:
        """Initialise: unit embeddings; zero outputs of residual branches and of an untied head."""
        for name, parameter in self.named_parameters():
            if "embed_tokens" in name:
                parameter.normal_(std=self.shape.width**-0.5 if self.shape.tied else 1.0)
            elif any(part in name for part in ("o_proj", "down_proj", "lm_head")):
                parameter.zero_()
            elif parameter.ndim == 2:
                parameter.normal_(std=parameter.shape[1] ** -0.5)


def _dropped(x: Tensor, dropout: float) -> Tensor:
    return F.dropout(x, dropout) if dropout else x
