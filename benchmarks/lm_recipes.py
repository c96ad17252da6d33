"""What the preset is measured against: nanoGPT's CPU recipe, and a plain trial of the modern one.

Both run for a number of seconds with their rates following the share of it that is spent, and give
back what they learnt and how many characters they saw.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from lm_text import Chars, Predictor
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.engine.optim.muon import Muon
from genctl.families.lm.network import Decoder, DecoderShape

CLOCKED = 10
"""Steps between two looks at the clock."""


@dataclass(frozen=True)
class Learnt:
    """A trained model, its size and the characters it saw."""

    predict: Predictor
    parameters: int
    seen: int


class Gpt2Block(nn.Module):
    """Learned positions' companion: layer norm, attention, GELU, as in GPT-2."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, bias=False) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(self.norms[0](x)).chunk(3, dim=-1)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        added: Tensor = self.down(F.gelu(self.up(self.norms[1](x))))
        return x + added


class Gpt2(nn.Module):
    """nanoGPT's network: GPT-2 without biases, the embedding tied to the head."""

    def __init__(self, vocab_size: int, context: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width)
        self.places = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Gpt2Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * depth) if residual else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


def nanogpt(chars: Chars, seconds: float, seed: int) -> Learnt:
    """nanoGPT's preset for CPUs: 4 layers of 128, context 64, batch 12, AdamW with a cosine."""
    torch.manual_seed(seed)
    network = Gpt2(chars.vocab_size, 64, 128, 4, 4)
    matrices = [p for p in network.parameters() if p.ndim == 2]
    vectors = [p for p in network.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=1e-3,
        betas=(0.9, 0.99),
        fused=True,
    )

    def rates(share: float) -> None:
        warm = min(1.0, share / 0.05)
        rate = 1e-4 + 0.5 * (1e-3 - 1e-4) * (1 + math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = rate * warm

    seen = _train(network, [optimizer], chars, seconds, seed, 64, 12, rates, clip=1.0)
    return Learnt(network.eval(), _size(network), seen)


def plain_trial(chars: Chars, seconds: float, seed: int) -> Learnt:
    """The modern recipe without care: RoPE, SwiGLU, normed queries and keys, Muon with AdamW."""
    torch.manual_seed(seed)
    network = Decoder(
        DecoderShape(
            vocab_size=chars.vocab_size,
            context=256,
            width=128,
            depth=4,
            heads=2,
            kv_heads=2,
            head_dim=64,
            hidden=344,
        )
    )
    hidden = [p for n, p in network.named_parameters() if p.ndim == 2 and "layers" in n]
    chosen = set(map(id, hidden))
    rest = [p for p in network.parameters() if id(p) not in chosen]
    # Not torch.optim.Muon: its bfloat16 takes five times as long on a CPU that has none.
    muon = Muon([{"params": hidden, "kind": "muon", "lr": 0.02}], (0.9, 0.95))
    adamw = torch.optim.AdamW(rest, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=True)

    def rates(share: float) -> None:
        factor = min(1.0, 2 * (1 - share))
        muon.param_groups[0]["lr"] = 0.02 * factor
        adamw.param_groups[0]["lr"] = 3e-3 * factor

    seen = _train(network, [muon, adamw], chars, seconds, seed, 256, 8, rates)
    return Learnt(network.eval(), _size(network), seen)


def _train(
    network: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    chars: Chars,
    seconds: float,
    seed: int,
    context: int,
    batch: int,
    rates: Callable[[float], None],
    clip: float = 0.0,
) -> int:
    """Until the time is spent; returns the characters seen."""
    generator = torch.Generator().manual_seed(seed)
    start, steps, share = time.perf_counter(), 0, 0.0
    while True:
        if steps % CLOCKED == 0:
            share = (time.perf_counter() - start) / seconds
            if share >= 1:
                return steps * context * batch
        rates(share)
        tokens = chars.windows(context, batch, generator)
        logits = network(tokens[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(network.parameters(), clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        steps += 1


def _size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
