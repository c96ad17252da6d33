"""What sampling a family means, and the keyed noise that samples are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from genctl.contracts.data import Batch


class Noise(Protocol):
    """Keyed randomness: row i of a draw depends on the seed, ``stream`` and ``indices[i]`` alone.

    Each draw of a step or a sample needs a stream name of its own; the same name gives the same
    numbers again.
    """

    @property
    def indices(self) -> Sequence[int]:
        """Positions of training examples, or numbers of samples: one a row."""
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
    """What sampling a family means; built as ``(config, data_spec, modules, parents)``.

    ``modules`` are the trained ones, or callables with the same signature (an ONNX session).

    Attributes:
        conditions: the keys of a condition that it follows; others are refused.
    """

    conditions: frozenset[str]

    def sample(self, request: Any, condition: Batch, noise: Noise) -> Tensor:
        """One chunk of samples, rows following ``noise.indices``.

        Args:
            request: the family's request dataclass.
            condition: what each row is to be, e.g. ``label``: (B,) int64, or is made from, such as
                ``image``: (B, C, H, W) in [-1, 1] and ``mask``: (B, 1, H, W), 1 where it is to be
                made anew; may be empty.

        Returns:
            Of images: (B, C, H, W) float in about [-1, 1]; of tokens: (B, T) int64.
        """
        ...


Slot = int
"""A handle of a `TokenPredictor`: an opaque number that is never used again after its slot closed.
"""


class TokenPredictor(Protocol):
    """A model that reads tokens and predicts the next one; `genctl.decoding` generates with it.

    A slot holds one sequence of tokens. Many slots are open at once, of different lengths and for
    different callers. The logits of a slot depend on its own condition and tokens alone, whatever
    the other slots of a call hold and however its tokens were divided into calls. This holds up to
    the rounding of floating point numbers: bit-equal results are not promised.

    A programming error raises ValueError before anything is read, copied or closed: a slot that is
    not open, a token outside the vocabulary, more tokens than ``context``, or what the methods
    name. After any other exception the slots of that call may only be closed.

    Calls come from one thread at a time. The returned tensors take no gradient.
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
        sees them with the first `read` of the slot at the latest, and their logits are never given.
        So a prompt whose last token matters alone is best opened as ``open(prompt[:-1])`` and
        ``read([(slot, prompt[-1:])])``.

        Args:
            tokens: at most ``context`` of them; may be empty.
            condition: what one sequence depends on beside its tokens, such as ``source: (S,)``
                int64: tensors without a batch axis.

        Returns:
            The slot, which the caller owns and closes.

        Raises:
            ValueError: also for a condition that the model does not take, or lacks.
        """
        ...

    def read(self, entries: Sequence[tuple[Slot, Sequence[int]]]) -> list[Tensor]:
        """Append tokens to slots; predict what follows each of them.

        The numbers of tokens may differ from entry to entry, so that long prompts are read in
        chunks together with single tokens of other slots.

        Args:
            entries: each slot at most once, with at least one token.

        Returns:
            For each entry, in order, (T, vocab_size) float32: row t is the logits of the token
            after ``tokens[t]``. The last row is the next-token distribution of the slot.

        Raises:
            ValueError: also for a slot that is given twice, or without a token.
        """
        ...

    def select(self, slots: Sequence[Slot]) -> list[Slot]:
        """Copy and reorder: new slots of which number i continues what ``slots[i]`` holds.

        A slot may be listed several times: each copy goes on by itself, with the same condition.
        All listed slots are closed, and the caller owns the new ones. Other slots stay as they are,
        so beams that are dropped need a `close`.

        Args:
            slots: open slots; may be empty.

        Returns:
            As many new slots.
        """
        ...

    def close(self, slot: Slot) -> None:
        """Give up a slot and its memory."""
        ...


class TargetLosses(NamedTuple):
    """How well each target of a batch was predicted.

    Attributes:
        nats: (B, T) float32, minus the natural logarithm of each target's probability; 0 where the
            mask is false.
        correct: (B, T) bool, whether the target was the most probable token; false where the mask
            is false.
    """

    nats: Tensor
    correct: Tensor


class TextGenerator(Protocol):
    """What generating means for a family that generates tokens; built like a `Sampler`.

    Attributes:
        conditions: the keys of a condition, as of a `Sampler`; each one is given to
            `TokenPredictor.open`. Prompts are taken by every generator.
        start: tokens that the model sees before a prompt; empty where it needs none.
    """

    conditions: frozenset[str]
    start: tuple[int, ...]

    @property
    def predictor(self) -> TokenPredictor:
        """The same one at each access; its slots are shared by all callers."""
        ...

    def token_losses(self, batch: Batch) -> TargetLosses:
        """Predict each target of a batch from what comes before it; takes no gradient.

        Args:
            batch: ``tokens`` (B, T + 1) int64, whose last T are the targets; ``mask`` (B, T) bool,
                true where the target counts; and the family's conditions. All on the device of the
                model.
        """
        ...
