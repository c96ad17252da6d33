"""A reader of any causal module, also of one that keeps nothing between calls."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class UncachedPredictor:
    """A `genctl.contracts.TokenPredictor` that computes every row anew for each token.

    Args:
        module: ``(B, T) int64`` tokens to ``(B, T, vocabulary)`` logits, such as an ONNX session;
            no place may see a later one.
        context: the most tokens that a row may hold.
    """

    def __init__(self, module: nn.Module, context: int) -> None:
        self.context = context
        self._module = module
        self._tokens = torch.empty(0, 0, dtype=torch.int64)
        self._ends = torch.empty(0, 1, dtype=torch.int64)
        self._longest = 0

    def begin(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Forget everything, read ``rows``; the logits after each, (B, vocabulary) float32."""
        # Zeros behind a row change nothing before them.
        padded = [[*row, *[0] * (self.context - len(row))] for row in rows]
        device = next((p.device for p in self._module.parameters()), torch.device("cpu"))
        self._tokens = torch.tensor(padded, device=device)
        self._ends = torch.tensor([[len(row)] for row in rows], device=device)
        self._longest = max(map(len, rows))
        return self._read()

    def advance(self, tokens: Tensor) -> Tensor:
        """Read one more token a row, (B,) int64; the logits after it, (B, vocabulary) float32."""
        self._tokens.scatter_(1, self._ends, tokens[:, None].to(self._tokens.device))
        self._ends = self._ends + 1
        self._longest += 1
        return self._read()

    def _read(self) -> Tensor:
        logits = self._module(self._tokens[:, : self._longest])
        last = (self._ends - 1).to(logits.device)
        rows = torch.arange(len(last), device=logits.device)
        found: Tensor = logits[rows, last.squeeze(1)]
        return found.float()
