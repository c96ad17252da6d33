"""Tokens as a data set: windows without replacement, and one pass over the held-out text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch

from genctl.contracts import TOKENIZER, Batch, DataSpec, Feature
from genctl.data.text.options import TextData
from genctl.data.text.source import TextSource
from genctl.data.text.token_cache import TextStats, TokenFiles
from genctl.data.text.token_encoder import Tokens
from genctl.errors import ExitStatus, GenctlError
from genctl.seeding import seed_of

SCORING_BATCH = 32


class TokenDataset:
    """Windows of a text.

    Args:
        config: the options that chose the text.
        source: the text.
        known: the results of a pass over the text.
        files: its tokens.

    Attributes:
        assets: the tokenizer's files.
        tokenizer: the tokenizer of the tokens.
        ignored: the number of binary files among the texts.

    Raises:
        GenctlError: (DATA) the text is shorter than a window.
    """

    def __init__(
        self, config: TextData, source: TextSource, known: TextStats, files: TokenFiles
    ) -> None:
        context = config.context
        self.tokenizer = files.tokenizer
        self.assets: Mapping[str, bytes] = files.tokenizer.files(context)
        self._files = files
        self._context = context
        self.ignored = source.ignored
        _refuse_short(config.source, files, context)
        self.spec = DataSpec(
            source=config.source,
            name=source.name,
            unit="tok",
            examples=max(1, (len(files.train) - context) // context),
            fingerprint=known.fingerprint,
            statistics={
                "documents": len(known.sizes),
                "train_tokens": len(files.train),
                "valid_tokens": len(files.valid),
                "valid_bytes": files.valid_bytes,
                "bytes_per_token": files.train_bytes / len(files.train),
            },
            assets={
                path: hashlib.sha256(content).hexdigest() for path, content in self.assets.items()
            },
            features={
                "tokens": Feature(
                    "tokens",
                    (context,),
                    size=self.tokenizer.vocab_size,
                    asset=TOKENIZER,
                    end=self.tokenizer.end,
                )
            },
            kind="text",
            units_per_example=context,
        )

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Batches from ``position`` on: ``tokens (B, context + 1) int64``.

        Every epoch cuts the text at its own phase and yields each window once in its own order,
        both keyed by ``seed`` and the epoch's number.
        """
        share = batch_size // world
        order = _Order(self._files.train, self.spec, seed)
        while True:
            first = position + rank * share
            positions = range(first, first + share)
            starts = np.array([order[place] for place in positions])
            windows = self._files.train[starts[:, None] + np.arange(self._context + 1)]
            yield Batch({"tokens": torch.from_numpy(windows.astype(np.int64))}, positions)
            position += batch_size

    def held_out(self) -> Iterator[Batch]:
        """The held-out text: see `windows`."""
        return windows(self._files.valid, self._context)

    def everything(self) -> Iterator[Batch]:
        """All of the text, to score a model that was trained on another one: see `windows`."""
        yield from windows(self._files.train, self._context)
        yield from windows(self._files.valid, self._context)

    @property
    def valid_bytes(self) -> int:
        """Bytes of the tokens that `held_out` predicts."""
        return self._files.valid_bytes - self._size_of_first(self._files.valid)

    @property
    def all_bytes(self) -> int:
        """Bytes of the tokens that `everything` predicts."""
        splits = (self._files.train, self._files.valid)
        first = sum(map(self._size_of_first, splits))
        return self._files.train_bytes + self._files.valid_bytes - first

    def predicted(self, *, held_out: bool) -> int:
        """The number of tokens that `held_out` or, if false, `everything` predicts."""
        valid = len(self._files.valid) - 1
        return valid if held_out else valid + len(self._files.train) - 1

    def _size_of_first(self, tokens: Tokens) -> int:
        return len(self.tokenizer.bytes_of[int(tokens[0])])


class _Order:
    """The beginning of the window at a position: one permutation per epoch, cached while in use."""

    def __init__(self, tokens: Tokens, spec: DataSpec, seed: int) -> None:
        self._length = len(tokens)
        self._context = spec.shape[0]
        self._windows = spec.examples
        self._seed = seed
        self._epoch, self._current = -1, np.empty(0, np.int64)

    def __getitem__(self, position: int) -> int:
        epoch, place = divmod(position, self._windows)
        if epoch != self._epoch:
            self._epoch, self._current = epoch, self._starts(epoch)
        return int(self._current[place])

    def _starts(self, epoch: int) -> npt.NDArray[np.int64]:
        phases = min(self._context, self._length - self._context)
        phase = seed_of(self._seed, "phase", epoch) % phases
        count = (self._length - 1 - phase) // self._context
        generator = torch.Generator().manual_seed(seed_of(self._seed, "order", epoch))
        order: npt.NDArray[np.int64] = torch.randperm(count, generator=generator).numpy()
        return phase + self._context * order[: self._windows]


def windows(tokens: Tokens, context: int) -> Iterator[Batch]:
    """``tokens (B, context + 1)`` and ``mask (B, context)``: every token but the first, once.

    The windows follow one another, each beginning with the last token of the one before; the last
    one is padded with zeros, and the mask is false where there is nothing to predict.
    """
    count = -(-(len(tokens) - 1) // context)
    for first in range(0, count, SCORING_BATCH):
        rows = range(first, min(first + SCORING_BATCH, count))
        places = np.array(rows)[:, None] * context + np.arange(context + 1)
        inside = places < len(tokens)
        found = np.where(inside, tokens[np.minimum(places, len(tokens) - 1)], 0)
        data = {
            "tokens": torch.from_numpy(found.astype(np.int64)),
            "mask": torch.from_numpy(inside[:, 1:].copy()),
        }
        yield Batch(data, rows)


def _refuse_short(source: str, files: TokenFiles, context: int) -> None:
    length, held_out = len(files.train), len(files.valid)
    if length > context and held_out > 1:
        return
    if length > context:
        why = f"too few tokens are held out to score a model: {held_out}"
    else:
        why = (
            f"{length} tokens to train on are fewer than the context and the next token, "
            f"{context} + 1"
        )
    fits = max((k for k in (4, 8, 16, 32, 64, 128) if k < min(length, context)), default=0)
    raise GenctlError(
        ExitStatus.DATA,
        f"the text of {source} is too short: {why}",
        hint="name a longer text",
        option="data.context",
        suggest=fits if fits and held_out > 1 else None,
    )
