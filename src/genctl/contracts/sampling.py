"""What sampling a family means, and the keyed noise that samples are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

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


class TokenPredictor(Protocol):
    """A model that reads tokens and tells what may come next: what `genctl.decoding` writes with.

    A reader holds one batch at a time. Its rows may differ in length and do not see each other.

    Attributes:
        context: the most tokens that a row may hold.
    """

    context: int

    def begin(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Forget everything, read these rows of 1 to ``context`` tokens.

        Returns:
            The logits of the token after each row, (B, vocabulary) float32.
        """
        ...

    def advance(self, tokens: Tensor) -> Tensor:
        """Read one more token a row, (B,) int64; no row may hold ``context`` tokens already.

        Returns:
            The logits of the token after each row, (B, vocabulary) float32.
        """
        ...


class TextGenerator(Protocol):
    """What sampling means for a family whose output is ``text``; built like a `Sampler`.

    Attributes:
        conditions: as of a `Sampler`; prompts are followed by all writers.
    """

    conditions: frozenset[str]

    @property
    def reader(self) -> TokenPredictor: ...
