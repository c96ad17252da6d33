"""The text of the language-model benchmark: characters, nanoGPT's split, one way to measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from genctl.data.text.source import open_text

Predictor = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Chars:
    """A text as numbers of characters; the last tenth is for validation."""

    train: Tensor
    valid: Tensor
    vocab_size: int

    @classmethod
    def of(cls, source: str) -> Chars:
        """``pydoc``, or the path of a text."""
        if source == "pydoc":
            text = "".join("".join(parts) for parts in open_text(source).documents())
        else:
            text = Path(source).read_text("utf-8")
        alphabet = {character: number for number, character in enumerate(sorted(set(text)))}
        tokens = torch.tensor([alphabet[character] for character in text])
        cut = int(0.9 * len(tokens))
        return cls(tokens[:cut], tokens[cut:], len(alphabet))

    def windows(self, length: int, batch: int, generator: torch.Generator) -> Tensor:
        """``(batch, length + 1)`` random windows of the training part."""
        starts = torch.randint(len(self.train) - length, (batch,), generator=generator)
        return self.train[starts[:, None] + torch.arange(length + 1)]


@torch.inference_mode()
def nats_per_character(predict: Predictor, valid: Tensor, context: int) -> float:
    """Every character of ``valid`` but the first, once, each seen from its window's beginning.

    Args:
        predict: tokens (B, T) to logits (B, T, V).
        context: characters in a window.
    """
    count = (len(valid) - 1) // context
    inputs = valid[: count * context].view(count, context)
    targets = valid[1 : count * context + 1].view(count, context)
    total = 0.0
    for rows in range(0, count, 64):
        part = slice(rows, rows + 64)
        logits = predict(inputs[part]).float()
        total += F.cross_entropy(
            logits.flatten(0, 1), targets[part].flatten(), reduction="sum"
        ).item()
    return total / (count * context)
