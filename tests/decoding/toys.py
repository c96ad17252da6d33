"""Readers that are small functions of what a row holds, and strict about how they are called."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from genctl.data.text.tokenizer import Tokenizer
from genctl.decoding.generate import TextChunk, write
from genctl.decoding.request import WritingRequest
from genctl.engine.sampling.noise import KeyedNoise

VOCABULARY = 257


class Toy:
    """Logits that depend on every token that a row holds, and on where it stands."""

    def __init__(self, context: int = 16, vocabulary: int = VOCABULARY) -> None:
        self.context = context
        self.rows: list[list[int]] = []
        self.begun: list[list[list[int]]] = []
        self.advanced = 0
        generator = torch.Generator().manual_seed(0)
        self._table = torch.randn(101, vocabulary, generator=generator) * 2

    def begin(self, rows: Sequence[Sequence[int]]) -> Tensor:
        self.rows = [list(row) for row in rows]
        self.begun.append([list(row) for row in rows])
        return self._read()

    def advance(self, tokens: Tensor) -> Tensor:
        assert tokens.shape == (len(self.rows),)
        assert tokens.dtype == torch.int64
        self.advanced += 1
        for row, token in zip(self.rows, tokens.tolist(), strict=True):
            row.append(token)
        return self._read()

    def _read(self) -> Tensor:
        assert all(1 <= len(row) <= self.context for row in self.rows)
        return torch.stack([self.logits(row) for row in self.rows])

    def logits(self, row: Sequence[int]) -> Tensor:
        return self._table[sum((k + 1) * (token + 1) for k, token in enumerate(row)) % 101]


class Spelling(Toy):
    """Writes what it is told: after a row that began with token k, ``scripts[k]``, again and again.

    Only for rows that hold their first token.
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
    reader: Toy,
    prompts: Sequence[Sequence[int]],
    *,
    tokenizer: Tokenizer | None = None,
    seed: int = 0,
    first: int = 0,
    **options: object,
) -> list[TextChunk]:
    """All that is written; the rows are samples ``first``, ``first + 1`` ... of ``seed``."""
    noise = KeyedNoise(("sample", seed), range(first, first + len(prompts)))
    tokenizer = tokenizer or byte_tokenizer()
    return list(write(reader, prompts, WritingRequest(**options), noise, tokenizer))


def joined(found: Sequence[TextChunk], row: int = 0) -> tuple[str, tuple[int, ...], str]:
    """Text, tokens and end of one row."""
    own = [piece for piece in found if piece.row == row]
    assert not any(piece.finished for piece in own[:-1])
    assert all(piece.text for piece in own[:-1])
    tokens = tuple(token for piece in own for token in piece.tokens)
    return "".join(piece.text for piece in own), tokens, own[-1].finished
