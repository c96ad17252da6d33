"""How well a model predicts text: nats per token."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from genctl.contracts import Batch, TargetLosses


@dataclass(frozen=True)
class TokenLosses:
    """The losses of a model's predictions, by window.

    Attributes:
        nats: (W,) float64, the sum over each window's predicted tokens.
        tokens: (W,) float64, the number of those tokens.
        hits: how many of all tokens were the most probable one.
        seconds: the time of the predictions.
    """

    nats: Tensor
    tokens: Tensor
    hits: int
    seconds: float

    @property
    def nats_per_token(self) -> float:
        return float(self.nats.sum() / self.tokens.sum())

    @property
    def error(self) -> float:
        """Standard error of `nats_per_token`, for independent windows."""
        if len(self.nats) < 2:
            return math.nan
        residual = self.nats - self.nats_per_token * self.tokens
        return float(residual.std() / (self.tokens.mean() * len(self.nats) ** 0.5))


@torch.inference_mode()
def token_losses(
    score: Callable[[Batch], TargetLosses], windows: Iterable[Batch], device: torch.device
) -> TokenLosses:
    """Predict every token of ``windows`` from those before it in its window.

    Args:
        score: `genctl.contracts.TextGenerator.token_losses` of the model.
        windows: ``tokens (B, T + 1)`` and ``mask (B, T)``, true for the tokens to predict.
        device: the device of the model.
    """
    start, hits = time.perf_counter(), 0
    nats: list[Tensor] = []
    counts: list[Tensor] = []
    for batch in windows:
        found = score(batch.to(device))
        nats.append(found.nats.double().sum(1).cpu())
        counts.append(batch["mask"].double().sum(1).cpu())
        hits += int(found.correct.sum())
    return TokenLosses(torch.cat(nats), torch.cat(counts), hits, time.perf_counter() - start)
