"""A predictor for any causal module, even one that keeps nothing between calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from genctl.contracts import Slot
from genctl.decoding.slots import Slots, refuse_condition


class UncachedPredictor:
    """A `genctl.contracts.TokenPredictor` that computes all tokens of a slot in each read.

    Args:
        module: ``(B, T) int64`` tokens to ``(B, T, vocab_size)`` logits, such as an ONNX session;
            the logits at a position must not depend on later tokens.
        context: the maximum number of tokens in a slot.
        vocab_size: the number of tokens.
    """

    def __init__(self, module: nn.Module, context: int, vocab_size: int) -> None:
        self.context = context
        self.vocab_size = vocab_size
        self._module = module
        self._slots = Slots[list[int]](context, vocab_size)

    def open(
        self, tokens: Sequence[int] = (), condition: Mapping[str, Tensor] | None = None
    ) -> Slot:
        """Open a slot that holds ``tokens``; the model takes no condition."""
        refuse_condition(condition)
        self._slots.check_tokens(tokens, 0)
        return self._slots.open(list(tokens))

    @torch.inference_mode()
    def read(self, entries: Sequence[tuple[Slot, Sequence[int]]]) -> list[Tensor]:
        """Append tokens to slots; returns the logits after each token, (T, vocab_size) float32."""
        states = self._slots.reading(entries)
        if not states:
            return []
        rows = [[*held, *tokens] for held, (_, tokens) in zip(states, entries, strict=True)]
        longest = max(map(len, rows))
        # Padding on the right changes nothing before it.
        padded = [row + [0] * (longest - len(row)) for row in rows]
        device = next((p.device for p in self._module.parameters()), torch.device("cpu"))
        logits = self._module(torch.tensor(padded, device=device))
        found = [
            own[len(held) : len(row)].float()
            for own, held, row in zip(logits, states, rows, strict=True)
        ]
        for held, row in zip(states, rows, strict=True):
            held[:] = row
        return found

    def select(self, slots: Sequence[Slot]) -> list[Slot]:
        """Copy and reorder: new slots that continue ``slots``, which are closed."""
        return self._slots.select(slots, lambda states: [state.copy() for state in states])

    def close(self, slot: Slot) -> None:
        """Close a slot."""
        self._slots.close(slot)
