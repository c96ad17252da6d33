"""The interfaces of sampling, and the keyed noise that samples are generated from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from genctl.contracts.data import Batch


class Noise(Protocol):
    """Keyed randomness: row i of a draw depends on the seed, ``stream`` and ``indices[i]`` alone.

    Each draw of a step or a sample needs its own stream name; the same name gives the same numbers
    again.
    """

    @property
    def indices(self) -> Sequence[int]:
        """Positions of training examples, or numbers of samples, one per row."""
        ...

    def normal(self, stream: str, *shape: int) -> Tensor:
        """Standard normal numbers, (rows, *shape) float32."""
        ...

    def uniform(self, stream: str, *shape: int) -> Tensor:
        """Numbers uniform in [0, 1), (rows, *shape) float32."""
        ...

    def integers(self, stream: str, high: int, *shape: int) -> Tensor:
        """Whole numbers uniform in [0, high), (rows, *shape) int64."""
        ...


class Sampler(Protocol):
    """Samples of a family; built as ``(config, data_spec, modules, parents)``.

    ``modules`` are the trained modules, or callables with the same signature (an ONNX session).

    Attributes:
        conditions: the keys of a condition that it supports; others are refused.
    """

    conditions: frozenset[str]

    def sample(self, request: Any, condition: Batch, noise: Noise) -> Tensor:
        """Generate one chunk of samples, with the rows of ``noise.indices``.

        Args:
            request: the family's request dataclass.
            condition: the condition of each row, e.g. ``label``: (B,) int64, or what it is
                generated from, such as ``image``: (B, C, H, W) in [-1, 1] and ``mask``:
                (B, 1, H, W), 1 where the image is regenerated; may be empty.

        Returns:
            Images as (B, C, H, W) float in about [-1, 1]; tokens as (B, T) int64.
        """
        ...


Slot = int
"""A handle of a `TokenPredictor`: an opaque number that is not reused after its slot is closed."""


class TokenPredictor(Protocol):
    """A model that reads tokens and predicts the next one; `genctl.decoding` generates with it.

    A slot holds one sequence of tokens. Many slots are open at once, of different lengths and for
    different callers. The logits of a slot depend only on its own condition and tokens, not on the
    other slots of a call or on how its tokens were divided into calls. This holds up to rounding:
    bit-equal results are not promised.

    A programming error raises ValueError before anything is read, copied or closed: a slot that is
    not open, a token outside the vocabulary, more tokens than ``context``, or an error that a
    method documents. After any other exception the slots of that call may only be closed.

    Calls come from one thread at a time. The returned tensors require no gradient.
    """

    @property
    def context(self) -> int:
        """The maximum number of tokens that a slot holds."""
        ...

    @property
    def vocab_size(self) -> int:
        """The number of tokens; tokens are whole numbers from 0 to ``vocab_size - 1``."""
        ...

    def open(
        self, tokens: Sequence[int] = (), condition: Mapping[str, Tensor] | None = None
    ) -> Slot:
        """Open a slot that holds ``tokens``.

        `open` reserves and `read` computes: the tokens count towards ``context`` at once, the model
        reads them with the first `read` of the slot at the latest, and their logits are never
        returned. If only the logits after the last token of a prompt are needed, call
        ``open(prompt[:-1])`` and ``read([(slot, prompt[-1:])])``.

        Args:
            tokens: at most ``context`` tokens; may be empty.
            condition: what the sequence depends on besides its tokens, such as ``source: (S,)``
                int64: tensors without a batch axis.

        Returns:
            The slot, which the caller owns and closes.

        Raises:
            ValueError: also if the model does not take the condition, or needs another one.
        """
        ...

    def read(self, entries: Sequence[tuple[Slot, Sequence[int]]]) -> list[Tensor]:
        """Append tokens to slots; predict what follows each of them.

        The numbers of tokens may differ from entry to entry, so that long prompts are read in
        chunks together with single tokens of other slots.

        Args:
            entries: slots and their tokens; each slot at most once, with at least one token.

        Returns:
            For each entry, in order, (T, vocab_size) float32: row t is the logits of the token
            after ``tokens[t]``. The last row is the next-token distribution of the slot.

        Raises:
            ValueError: also for a slot that is given twice, or without a token.
        """
        ...

    def select(self, slots: Sequence[Slot]) -> list[Slot]:
        """Copy and reorder slots: new slot i continues the sequence of ``slots[i]``.

        A slot may be listed several times: each copy continues independently, with the same
        condition. All listed slots are closed, and the caller owns the new ones. Other slots are
        not changed, so beams that are dropped need a `close`.

        Args:
            slots: open slots; may be empty.

        Returns:
            The new slots, one for each listed slot.
        """
        ...

    def close(self, slot: Slot) -> None:
        """Close a slot and free its memory."""
        ...


class TargetLosses(NamedTuple):
    """How well each target of a batch was predicted.

    Attributes:
        nats: (B, T) float32, the negative natural logarithm of each target's probability; 0 where
            the mask is false.
        correct: (B, T) bool, whether the target was the most probable token; false where the mask
            is false.
    """

    nats: Tensor
    correct: Tensor


class TextGenerator(Protocol):
    """The interface of a family that generates tokens; built like a `Sampler`.

    Attributes:
        conditions: the keys of a condition, as for a `Sampler`; each one is passed to
            `TokenPredictor.open`. Every generator takes prompts.
        start: tokens that the model reads before a prompt; empty if it needs none.
    """

    conditions: frozenset[str]
    start: tuple[int, ...]

    @property
    def predictor(self) -> TokenPredictor:
        """The predictor, the same one at each access; all callers share its slots."""
        ...

    def token_losses(self, batch: Batch) -> TargetLosses:
        """Predict each target of a batch from the tokens before it, without gradients.

        Args:
            batch: ``tokens`` (B, T + 1) int64, whose last T are the targets; ``mask`` (B, T) bool,
                true where the target counts; and the family's conditions. All tensors are on the
                device of the model.
        """
        ...
