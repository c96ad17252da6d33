"""Predictors that are small functions of the tokens, and strict about how they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genctl.contracts import Slot
from genctl.data.text.tokenizer import Tokenizer
from genctl.decoding.generate import TextChunk, write
from genctl.decoding.request import TextRequest
from genctl.engine.sampling.noise import KeyedNoise

VOCABULARY = 257


class Toy:
    """Logits that depend on every token of a slot, and on its position."""

    def __init__(self, context: int = 16, vocabulary: int = VOCABULARY) -> None:
        self.context = context
        self.vocab_size = vocabulary
        self.slots: dict[Slot, list[int]] = {}
        self.opened: list[list[int]] = []
        self.reads: list[int] = []
        generator = torch.Generator().manual_seed(0)
        self._table = torch.randn(101, vocabulary, generator=generator) * 2

    def open(
        self, tokens: Sequence[int] = (), condition: Mapping[str, Tensor] | None = None
    ) -> Slot:
        assert condition is None
        self.slots[len(self.opened)] = list(tokens)
        self.opened.append(list(tokens))
        return len(self.opened) - 1

    def read(self, entries: Sequence[tuple[Slot, Sequence[int]]]) -> list[Tensor]:
        assert len({slot for slot, _ in entries}) == len(entries) > 0
        self.reads.append(len(entries))
        found = []
        for slot, tokens in entries:
            assert tokens
            logits = []
            for token in tokens:
                self.slots[slot].append(token)
                assert len(self.slots[slot]) <= self.context
                logits.append(self.logits(self.slots[slot]))
            found.append(torch.stack(logits))
        return found

    def select(self, slots: Sequence[Slot]) -> list[Slot]:
        held = [self.slots[slot] for slot in slots]
        for slot in set(slots):
            self.close(slot)
        return [self.open(tokens) for tokens in held]

    def close(self, slot: Slot) -> None:
        del self.slots[slot]

    def logits(self, row: Sequence[int]) -> Tensor:
        return self._table[sum((k + 1) * (token + 1) for k, token in enumerate(row)) % 101]


class Spelling(Toy):
    """After a row that began with token k comes ``scripts[k]``, again and again.

    Only for rows that still hold their first token.
    """

    def __init__(self, *scripts: Sequence[int], context: int = 1000) -> None:
        super().__init__(context)
        self._scripts = scripts

    def logits(self, row: Sequence[int]) -> Tensor:
        script = self._scripts[row[0]]
        logits = torch.zeros(VOCABULARY)
        logits[script[(len(row) - 1) % len(script)]] = 100.0
        return logits


def byte_tokenizer(*, end: bool = True) -> Tokenizer:
    """Token b is byte b, and 256 the end."""
    tokenizer = Tokenizer.byte()
    if not end:
        tokenizer.end = None
    return tokenizer


def pieces(
    predictor: Toy,
    prompts: Sequence[Sequence[int]],
    *,
    tokenizer: Tokenizer | None = None,
    seed: int = 0,
    first: int = 0,
    **options: Any,
) -> list[TextChunk]:
    """All chunks; the rows are samples ``first``, ``first + 1`` ... of ``seed``."""
    noise = KeyedNoise(("sample", seed), range(first, first + len(prompts)))
    tokenizer = tokenizer or byte_tokenizer()
    found = list(write(predictor, prompts, TextRequest(**options), noise, tokenizer))
    assert not predictor.slots
    return found


def joined(found: Sequence[TextChunk], row: int = 0) -> tuple[str, tuple[int, ...], str]:
    """Text, tokens and end of one row."""
    own = [piece for piece in found if piece.row == row]
    assert not any(piece.finished for piece in own[:-1])
    assert all(piece.text for piece in own[:-1])
    tokens = tuple(token for piece in own for token in piece.tokens)
    return "".join(piece.text for piece in own), tokens, own[-1].finished
