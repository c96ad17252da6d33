"""From logits to the next token, by rules in a fixed order.

penalties -> temperature -> top-k -> top-p -> min-p -> draw. Each rule applies to the probabilities
after the rules before it. Rows (B, V) are independent.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from genctl.decoding.request import TextRequest

COLD = 1e-6
"""Below this temperature the likeliest token is taken, because dividing by it may overflow."""

_NEVER = float("-inf")


def has_penalties(request: TextRequest) -> bool:
    """Whether `penalize` would change anything, so that tokens must be counted."""
    return bool(
        request.repetition_penalty != 1.0 or request.presence_penalty or request.frequency_penalty
    )


def count(rows: Sequence[Sequence[int]], logits: Tensor, besides: int | None) -> Tensor:
    """How often each token occurs in each row, shaped and placed as ``logits (B, V)``.

    Args:
        rows: rows of tokens.
        logits: the logits that the counts are for.
        besides: a token that is not counted.
    """
    size = logits.shape[1]
    counts = torch.stack([torch.bincount(torch.tensor(row), minlength=size) for row in rows])
    if besides is not None:
        counts[:, besides] = 0
    return counts.to(logits)


def penalize(logits: Tensor, counts: Tensor, request: TextRequest) -> Tensor:
    """Reduce the logits (B, V) of tokens that occurred.

    Repetition divides positive logits and multiplies negative ones (Keskar et al. 2019, CTRL, arXiv
    1909.05858, section 4.1); then presence is subtracted once and frequency for each occurrence.

    Args:
        logits: the logits of the next token.
        counts: (B, V), how often each occurred.
        request: gives the penalties.
    """
    seen = counts > 0
    if request.repetition_penalty != 1.0:
        penalty = request.repetition_penalty
        punished = torch.where(logits > 0, logits / penalty, logits * penalty)
        logits = torch.where(seen, punished, logits)
    return logits - request.presence_penalty * seen - request.frequency_penalty * counts


def candidates(
    logits: Tensor, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0
) -> tuple[Tensor, Tensor]:
    """The tokens that may be drawn, the likeliest first.

    Args:
        logits: (B, V).
        top_k: keep the k likeliest tokens (Fan et al. 2018, arXiv 1805.04833); 0 keeps all.
        top_p: of those, keep the smallest set whose share of the probability reaches this (Holtzman
            et al. 2020, arXiv 1904.09751).
        min_p: of those, keep the ones at least this many times as likely as the likeliest (Nguyen
            et al. 2024, arXiv 2407.01082).

    Returns:
        Their logits (B, K), minus infinity from the first excluded one on, and their ids (B, K).
        The likeliest is never excluded.
    """
    if 0 < top_k < logits.shape[1]:
        ordered, ids = logits.topk(top_k, dim=1)
    else:
        ordered, ids = logits.sort(dim=1, descending=True, stable=True)
    shares = ordered.softmax(dim=1)
    kept = shares >= min_p * shares[:, :1]
    if top_p < 1:
        kept &= shares.cumsum(dim=1) - shares < top_p
    kept[:, 0] = True
    return ordered.masked_fill(~kept, _NEVER), ids


def draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """One place per row, by inverting the distribution function.

    Args:
        logits: (B, V).
        uniform: (B,) float32 in [0, 1).

    Returns:
        (B,) int64; V where the logits are not a distribution (not a number, or infinite).
    """
    mass = logits.softmax(dim=1).cumsum(dim=1)
    # `mass` may not sum to 1, but times a float32 below 1 its last entry is below itself.
    return torch.searchsorted(mass, uniform[:, None] * mass[:, -1:], right=True).squeeze(1)


def likeliest(logits: Tensor) -> Tensor:
    """The likeliest token of each row, (B,) int64; the lowest id among equals; V as in `draw`."""
    best = logits.max(dim=1)
    return best.indices.masked_fill(best.values.isnan(), logits.shape[1])


def choose(logits: Tensor, request: TextRequest, uniform: Tensor | None) -> Tensor:
    """The next token of each row, after `penalize`.

    Args:
        logits: (B, V).
        request: gives temperature, top-k, top-p and min-p.
        uniform: (B,) float32 in [0, 1); None where the temperature is below `COLD`.

    Returns:
        (B,) int64; V where the logits are not a distribution.
    """
    if uniform is None:
        return likeliest(logits)
    scaled = logits / request.temperature
    if not request.top_k and request.top_p >= 1 and not request.min_p:
        return draw(scaled, uniform)
    ordered, ids = candidates(scaled, request.top_k, request.top_p, request.min_p)
    # A parallel sum may rise by rounding behind the last candidate; nothing there is drawn.
    last = ordered.isfinite().sum(dim=1).sub_(1).clamp_(min=0)
    chosen = ids.gather(1, torch.minimum(draw(ordered, uniform), last)[:, None]).squeeze(1)
    return chosen.masked_fill(~ordered[:, 0].isfinite(), logits.shape[1])
