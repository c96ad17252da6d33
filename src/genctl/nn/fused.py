"""Norms and rotary embeddings whose gradients are written out: fewer passes over memory.

Autograd keeps an intermediate for each elementary operation of these; written out, they keep their
inputs. Where no gradient is taken, or a graph is being captured, plain operations are used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``x / sqrt(mean(x ** 2) + eps) * weight`` along the last axis.

    Zhang and Sennrich 2019, arXiv 1910.07467, equation 4.

    Args:
        x: (..., D) float.
        weight: (D,).
    """
    if _plain() or x.dtype != weight.dtype:
        return F.rms_norm(x, (x.shape[-1],), weight.to(x.dtype), eps)
    normed: Tensor = _RmsNorm.apply(x, weight, eps)  # type: ignore[no-untyped-call]
    return normed


def rotate(x: Tensor, rotary: Tensor) -> Tensor:
    """Rotary position embedding on halves: component i turns with component i + D / 2.

    Su et al. 2021, arXiv 2104.09864, in the layout of Hugging Face's Llama.

    Args:
        x: (..., T, D) float.
        rotary: (2, T, D / 2) cosines and sines, see `rotary_table`.
    """
    cos, sin = rotary.to(x.dtype).unbind(0)
    if _plain():
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
    turned: Tensor = _Rotate.apply(x, cos, sin)  # type: ignore[no-untyped-call]
    return turned


def rotary_table(length: int, dim: int, theta: float) -> Tensor:
    """Cosines and sines of the first ``length`` positions, (2, length, dim / 2) float32."""
    rates = theta ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), rates)
    return torch.stack([angles.cos(), angles.sin()]).float()


def _plain() -> bool:
    return torch.compiler.is_compiling() or not torch.is_grad_enabled()


class _RmsNorm(torch.autograd.Function):
    """With n = x / rms: dx = (g - n * mean(g * n)) / rms, where g is the gradient by n."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        mean_square = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_() / x.shape[-1]
        inverse = mean_square.add_(eps).rsqrt_()
        normed = x * inverse
        ctx.save_for_backward(normed, inverse, weight)
        scaled: Tensor = normed * weight
        return scaled

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        normed, inverse, weight = ctx.saved_tensors
        by_weight = (gradient * normed).flatten(0, -2).sum(0)
        by_normed = gradient * weight
        mean = (by_normed * normed).mean(-1, keepdim=True)
        by_x = by_normed.sub_(normed * mean).mul_(inverse)
        return by_x, by_weight, None


class _Rotate(torch.autograd.Function):
    """A rotation's gradient is the rotation back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _turned(gradients[0], cos, -sin), None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    turned = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    first, second = x.chunk(2, dim=-1)
    left, right = turned.chunk(2, dim=-1)
    torch.mul(first, cos, out=left).addcmul_(second, sin, value=-1)
    torch.mul(second, cos, out=right).addcmul_(first, sin)
    return turned
