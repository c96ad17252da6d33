"""Writing: tokens one after another, given out as text that is certain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from genctl.contracts import Noise, TokenPredictor
from genctl.data.text.tokenizer import Tokenizer
from genctl.decoding import rules
from genctl.decoding.detokenizer import IncrementalDetokenizer
from genctl.decoding.request import WritingRequest
from genctl.errors import ExitStatus, GenctlError, opt

BLOCK = 64
"""Steps whose random numbers are drawn at once."""


class TextChunk(NamedTuple):
    """Some text of one row.

    Attributes:
        row: of the batch.
        text: what is certain now and was not before; empty only in a row's last piece.
        tokens: what was written since the row's piece before, a stop string's tokens included and
            the end token not.
        finished: why the row ends with this piece: ``length`` (as many tokens as were wanted),
            ``stop`` (a stop string, which is left out), ``end`` (the end of the document) or
            ``context`` (it is full, and nothing may be forgotten); empty while the row goes on.
    """

    row: int
    text: str
    tokens: tuple[int, ...]
    finished: str


def write(
    reader: TokenPredictor,
    prompts: Sequence[Sequence[int]],
    request: WritingRequest,
    noise: Noise,
    tokenizer: Tokenizer,
) -> Iterator[TextChunk]:
    """Go on with each prompt; the pieces of all rows as they become certain, step by step.

    What a row writes depends on its prompt and its noise alone. A row that fills the context is
    read anew from its last half on, so that no position is used that training did not see; of a
    prompt longer than the context the last half of a context is read. Penalties count the tokens
    that the model has before it, prompt and all, but never the one that ends a document.

    Args:
        reader: of the model; it serves one `write` at a time.
        prompts: rows of tokens. A model has only ever seen what comes after something, so an empty
            row begins after the end of a document; where there is no token for that, after a line
            break, and without one after token 0.
        request: how to write.
        noise: its rows follow the prompts.
        tokenizer: of the model.

    Raises:
        GenctlError: (NON_FINITE) the model's logits are not numbers.
    """
    writing = _Writing(reader, prompts, request, noise, tokenizer)
    while writing.alive:
        # Not a context around the loop: inference mode would hold for who takes the pieces, too.
        yield from writing.step()


class _Row:
    """One text in the making; ``held`` is what the model is to see of it."""

    def __init__(
        self, number: int, held: Sequence[int], request: WritingRequest, tokenizer: Tokenizer
    ) -> None:
        self.number = number
        self.held = list(held)
        self.finished = ""
        self._end = tokenizer.end
        self._transcript = IncrementalDetokenizer(tokenizer.bytes_of, request.stops)
        self._left = request.max_new_tokens
        self._may_slide = request.overflow == "slide"
        self._fresh: list[int] = []

    def take(self, token: int, context: int) -> TextChunk | None:
        """Write ``token``; the text that is certain with it, if there is any."""
        if token == self._end:
            return self._finish("end", "")
        self.held.append(token)
        self._fresh.append(token)
        self._left -= 1
        text = self._transcript.feed(token)
        if self._transcript.stopped:
            return self._finish("stop", text)
        if not self._left:
            return self._finish("length", text)
        if len(self.held) >= context and not self._may_slide:
            return self._finish("context", text)
        return self._piece(text) if text else None

    def fit(self, context: int) -> None:
        """Forget all but the last half of a context, where more than a context is held."""
        if len(self.held) > context:
            self.held = self.held[-max(1, context // 2) :]

    def _finish(self, why: str, text: str) -> TextChunk:
        text += self._transcript.end()
        self.finished = "stop" if self._transcript.stopped else why
        return self._piece(text)

    def _piece(self, text: str) -> TextChunk:
        tokens, self._fresh = tuple(self._fresh), []
        return TextChunk(self.number, text, tokens, self.finished)


class _Writing:
    """The rows of one `write`, a step at a time; ``alive`` is how many of them are not finished."""

    def __init__(
        self,
        reader: TokenPredictor,
        prompts: Sequence[Sequence[int]],
        request: WritingRequest,
        noise: Noise,
        tokenizer: Tokenizer,
    ) -> None:
        self._reader = reader
        self._request = request
        self._noise = noise
        self._end = tokenizer.end
        self._batch = [
            _Row(number, prompt or [_first(tokenizer)], request, tokenizer)
            for number, prompt in enumerate(prompts)
        ]
        self.alive = len(self._batch)
        self._steps = 0
        self._room = 0
        self._chosen: Tensor | None = None
        self._counts: Tensor | None = None
        self._drawn = torch.empty(0)
        self._uniforms: Sequence[Tensor] = ()

    @torch.inference_mode()
    def step(self) -> list[TextChunk]:
        """Write one token a row; the pieces that are certain with it."""
        logits = self._begin() if self._chosen is None else self._advance(self._chosen)
        if self._counts is not None:
            logits = rules.penalize(logits, self._counts, self._request)
        self._chosen = rules.choose(logits, self._request, self._uniform())
        self._steps += 1
        tokens = self._chosen.tolist()
        if max(tokens) >= logits.shape[1]:
            raise GenctlError(
                ExitStatus.NON_FINITE,
                "the model's logits are not finite, so no text can be generated",
                hint=f"choose other weights with {opt('checkpoint')} or {opt('weights')}",
                option="weights",
            )
        pieces = self._take(tokens)
        # A finished row stays for a while: beginning anew costs more than carrying it along.
        if self._room == 0 or 2 * self.alive < len(self._batch):
            self._chosen = None
        return pieces

    def _take(self, tokens: Sequence[int]) -> list[TextChunk]:
        pieces, context = [], self._reader.context
        for row, token in zip(self._batch, tokens, strict=True):
            if row.finished:
                continue
            piece = row.take(token, context)
            if piece is not None:
                pieces.append(piece)
                self.alive -= bool(piece.finished)
        return pieces

    def _begin(self) -> Tensor:
        """Read what each row that goes on holds."""
        self._batch = [row for row in self._batch if not row.finished]
        for row in self._batch:
            row.fit(self._reader.context)
        held = [row.held for row in self._batch]
        self._room = self._reader.context - max(map(len, held))
        self._uniforms = ()
        logits = self._reader.begin(held)
        if rules.has_penalties(self._request):
            self._counts = rules.count(held, logits, besides=self._end)
        return logits

    def _advance(self, chosen: Tensor) -> Tensor:
        """Read the token that each row wrote last."""
        self._room -= 1
        if self._counts is not None:
            self._counts.scatter_add_(1, chosen[:, None], self._counts.new_ones(len(chosen), 1))
        return self._reader.advance(chosen)

    def _uniform(self) -> Tensor | None:
        """One number a row of the batch; None where nothing is drawn."""
        if self._request.temperature < rules.COLD:
            return None
        block, place = divmod(self._steps, BLOCK)
        if place == 0:
            self._drawn, self._uniforms = self._noise.uniform(f"write/{block}", BLOCK), ()
        if not self._uniforms:
            self._uniforms = self._drawn[[row.number for row in self._batch]].unbind(1)
        return self._uniforms[place]


def _first(tokenizer: Tokenizer) -> int:
    """The token that a text without a prompt begins after."""
    if tokenizer.end is not None:
        return tokenizer.end
    return tokenizer.bytes_of.index(b"\n") if b"\n" in tokenizer.bytes_of else 0
