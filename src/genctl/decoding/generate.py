"""Generating text: one token after another, and the text that is certain so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from genctl.contracts import Noise, Slot, TokenPredictor
from genctl.decoding import rules
from genctl.decoding.detokenizer import IncrementalDetokenizer
from genctl.decoding.request import TextRequest
from genctl.errors import ExitStatus, GenctlError, opt

BLOCK = 64
"""Steps whose random numbers are drawn at once."""


class Vocabulary(Protocol):
    """The meaning of tokens; a tokenizer is one.

    Attributes:
        bytes_of: the bytes that each token stands for; empty where it stands for no text.
        end: the token that ends a text; None without one.
    """

    @property
    def bytes_of(self) -> Sequence[bytes]: ...
    @property
    def end(self) -> int | None: ...


class TextChunk(NamedTuple):
    """Some text of one row.

    Attributes:
        row: the number of the prompt.
        text: what became certain since the row's last chunk; empty only in its final chunk.
        tokens: the tokens generated since the row's last chunk, including those of a stop string
            but not the end token.
        finished: why the row ends with this chunk: ``length`` (the maximum number of tokens),
            ``stop`` (a stop string, which is left out), ``end`` (the end of the document) or
            ``context`` (the context is full, and ``overflow`` is ``stop``); empty before the end.
    """

    row: int
    text: str
    tokens: tuple[int, ...]
    finished: str


def write(
    predictor: TokenPredictor,
    prompts: Sequence[Sequence[int]],
    request: TextRequest,
    noise: Noise,
    tokenizer: Vocabulary,
    *,
    start: Sequence[int] = (),
) -> Iterator[TextChunk]:
    """Continue each prompt; yields the chunks of all rows as soon as they are certain.

    The text of a row depends on its prompt and its noise alone. When a row fills the context, the
    last half of the context is read again as a new sequence, so that no position is used that was
    not trained. A longer prompt is cut to its last tokens, half a context. Penalties
    count the tokens that the model sees, those of the prompt included, but not the end token.

    Args:
        predictor: the model's; each row uses a slot of it, which is closed at the end.
        prompts: rows of tokens.
        request: the sampling options.
        noise: its rows follow the prompts.
        tokenizer: of the model, or another vocabulary.
        start: tokens before each prompt. A model predicts only after some token, so a row that is
            still empty begins with the end token, or with a line break if there is no end token,
            or with token 0 if there is neither.

    Raises:
        GenctlError: (NON_FINITE) the model's logits are not finite.
    """
    rows = [
        _Row(number, [*start, *prompt] or [_first(tokenizer)], request, tokenizer)
        for number, prompt in enumerate(prompts)
    ]
    generation = _Generation(predictor, rows, request, noise, tokenizer.end)
    try:
        while generation.rows:
            # Not a context around the loop: inference mode would apply to the caller, too.
            yield from generation.step()
    finally:
        generation.close()


class _Row:
    """One text in progress.

    Attributes:
        number: the number of the prompt.
        held: the tokens that the model sees.
        slot: holds all but the last of them in the predictor; None before they are read.
        finished: as in `TextChunk`.
    """

    def __init__(
        self, number: int, held: Sequence[int], request: TextRequest, tokenizer: Vocabulary
    ) -> None:
        self.number = number
        self.held = list(held)
        self.slot: Slot | None = None
        self.finished = ""
        self._end = tokenizer.end
        self._detokenizer = IncrementalDetokenizer(tokenizer.bytes_of, request.stops)
        self._left = request.max_new_tokens
        self._may_slide = request.overflow == "slide"
        self._fresh: list[int] = []

    def take(self, token: int, context: int) -> TextChunk | None:
        """Append ``token``; returns the text that becomes certain with it, if there is any."""
        if token == self._end:
            return self._finish("end", "")
        self.held.append(token)
        self._fresh.append(token)
        self._left -= 1
        text = self._detokenizer.feed(token)
        if self._detokenizer.stopped:
            return self._finish("stop", text)
        if not self._left:
            return self._finish("length", text)
        if len(self.held) >= context and not self._may_slide:
            return self._finish("context", text)
        return self._chunk(text) if text else None

    def _finish(self, why: str, text: str) -> TextChunk:
        text += self._detokenizer.end()
        self.finished = "stop" if self._detokenizer.stopped else why
        return self._chunk(text)

    def _chunk(self, text: str) -> TextChunk:
        tokens, self._fresh = tuple(self._fresh), []
        return TextChunk(self.number, text, tokens, self.finished)


class _Generation:
    """The rows of one `write`, step by step; ``rows`` are those that are not finished."""

    def __init__(
        self,
        predictor: TokenPredictor,
        rows: list[_Row],
        request: TextRequest,
        noise: Noise,
        end: int | None,
    ) -> None:
        self.rows = rows
        self._predictor = predictor
        self._request = request
        self._noise = noise
        self._end = end
        self._steps = 0
        self._counts: Tensor | None = None
        self._drawn = torch.empty(0)
        self._uniforms: Sequence[Tensor] = ()

    @torch.inference_mode()
    def step(self) -> list[TextChunk]:
        """Generate one token per row; returns the chunks that become certain with it."""
        opened = self._open()
        entries = [(row.slot, row.held[-1:]) for row in self.rows if row.slot is not None]
        logits = torch.cat(self._predictor.read(entries))
        if rules.has_penalties(self._request):
            logits = rules.penalize(logits, self._count(logits, opened), self._request)
        tokens = rules.choose(logits, self._request, self._uniform()).tolist()
        self._steps += 1
        if max(tokens) >= logits.shape[1]:
            raise GenctlError(
                ExitStatus.NON_FINITE,
                "the model's logits are not finite, so no text can be generated",
                hint=f"choose other weights with {opt('checkpoint')} or {opt('weights')}",
                option="weights",
            )
        return self._take(tokens)

    @torch.inference_mode()
    def close(self) -> None:
        """Close the slots of the rows that are not finished."""
        self._close(self.rows)
        self.rows = []

    def _open(self) -> list[int]:
        """Open a slot for each row that has none or is too long; returns their places."""
        opened, context = [], self._predictor.context
        for place, row in enumerate(self.rows):
            if len(row.held) > context:
                row.held = row.held[-max(1, context // 2) :]
                self._close([row])
            if row.slot is None:
                row.slot = self._predictor.open(row.held[:-1])
                opened.append(place)
        return opened

    def _close(self, rows: Sequence[_Row]) -> None:
        for row in rows:
            if row.slot is not None:
                self._predictor.close(row.slot)
                row.slot = None

    def _take(self, tokens: Sequence[int]) -> list[TextChunk]:
        context = self._predictor.context
        chunks = [row.take(token, context) for row, token in zip(self.rows, tokens, strict=True)]
        going = [place for place, row in enumerate(self.rows) if not row.finished]
        if len(going) < len(self.rows):
            self._close([row for row in self.rows if row.finished])
            self.rows = [self.rows[place] for place in going]
            self._uniforms = ()
            if self._counts is not None:
                self._counts = self._counts[going]
        return [chunk for chunk in chunks if chunk is not None]

    def _count(self, logits: Tensor, opened: Sequence[int]) -> Tensor:
        """How often each row sees each token, except the end token; shaped like ``logits``."""
        held = [row.held for row in self.rows]
        if self._counts is None:
            self._counts = rules.count(held, logits, besides=self._end)
            return self._counts
        last = torch.tensor([row[-1:] for row in held], device=logits.device)
        self._counts.scatter_add_(1, last, self._counts.new_ones(len(held), 1))
        if opened:
            again = rules.count([held[place] for place in opened], logits, besides=self._end)
            self._counts[list(opened)] = again
        return self._counts

    def _uniform(self) -> Tensor | None:
        """One number per row; None where nothing is sampled."""
        if self._request.temperature < rules.COLD:
            return None
        block, place = divmod(self._steps, BLOCK)
        if place == 0:
            self._drawn, self._uniforms = self._noise.uniform(f"write/{block}", BLOCK), ()
        if not self._uniforms:
            self._uniforms = self._drawn[[row.number for row in self.rows]].unbind(1)
        return self._uniforms[place]


def _first(tokenizer: Vocabulary) -> int:
    """The token that a row without a prompt begins with."""
    if tokenizer.end is not None:
        return tokenizer.end
    return tokenizer.bytes_of.index(b"\n") if b"\n" in tokenizer.bytes_of else 0
