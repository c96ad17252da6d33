"""The embeddings of time and class: one vector per row."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_PERIOD = 10_000


def sinusoids(time: Tensor, width: int) -> Tensor:
    """Cosines, then sines, of ``time`` at wavelengths from 2 pi to nearly 2 pi * 10,000.

    Vaswani et al. 2017, arXiv 1706.03762, section 3.5, in the order of diffusers' ``Timesteps``.

    Args:
        time: (B,), any real numbers.
        width: the width of the result; even.

    Returns:
        (B, width) float32.
    """
    half = width // 2
    exponents = torch.arange(half, dtype=torch.float32, device=time.device) / half
    angles = time.float().unsqueeze(1) * torch.exp(-math.log(MAX_PERIOD) * exponents)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class TimeEmbedding(nn.Module):
    """Two linear layers over `sinusoids`."""

    def __init__(self, sinusoid_width: int, width: int) -> None:
        super().__init__()
        self.sinusoid_width = sinusoid_width
        self.linear_1 = nn.Linear(sinusoid_width, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, time: Tensor) -> Tensor:
        """``time: (B,)`` to (B, width)."""
        waves = sinusoids(time, self.sinusoid_width).to(self.linear_1.weight.dtype)
        embedded: Tensor = self.linear_2(F.silu(self.linear_1(waves)))
        return embedded


class ClassEmbedding(nn.Embedding):
    """A vector for each class, and a last one for no class."""

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__(num_classes + 1, width)

    def rows(self, label: Tensor | None, batch: int) -> Tensor:
        """``label: (B,) int64``, or None for no class in any row, to (B, width)."""
        if label is None:
            null = self.num_embeddings - 1
            label = torch.full((batch,), null, dtype=torch.int64, device=self.weight.device)
        found: Tensor = self(label)
        return found


class Conditioned(nn.Module):
    """Base of networks with a ``time_embedding``, and a ``class_embedding`` or None."""

    time_embedding: TimeEmbedding
    class_embedding: ClassEmbedding | None

    def condition(self, time: Tensor, label: Tensor | None, batch: int) -> Tensor:
        """``time: (B,)`` and ``label: (B,)``, or None for no class in any row, to (B, width)."""
        embedded = self.time_embedding(time)
        if self.class_embedding is not None:
            embedded = embedded + self.class_embedding.rows(label, batch)
        return F.silu(embedded)
