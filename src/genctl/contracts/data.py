"""What data is to the rest of genctl: batches, what is known of a data set, and its stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from genctl import documents

if TYPE_CHECKING:
    import torch
    from torch import Tensor


TOKENIZER = "tokenizer/tokenizer.json"
"""The asset that holds a tokenizer."""


class Batch(dict[str, "Tensor"]):
    """Examples by key (``image, text, tokens, label, target``), rows first, and their positions.

    Args:
        data: key -> tensor of shape (B, ...).
        positions: the place of each example in the endless stream that training reads.
    """

    def __init__(self, data: Mapping[str, Tensor], positions: Sequence[int]) -> None:
        super().__init__(data)
        self.positions = positions

    def rows(self, start: int, stop: int) -> Batch:
        """The examples from ``start`` up to ``stop``."""
        part = {key: tensor[start:stop] for key, tensor in self.items()}
        return Batch(part, self.positions[start:stop])

    def to(self, device: torch.device) -> Batch:
        """The same examples on ``device``."""
        moved = {key: tensor.to(device, non_blocking=True) for key, tensor in self.items()}
        return Batch(moved, self.positions)


@dataclass(frozen=True)
class DataSpec:
    """What sampling, scoring and exporting need to know of the data; plain JSON.

    Attributes:
        source: the data as it was named.
        name: a short name of it that suits a file.
        unit: what is counted: ``img``, ``tok`` or ``pair``.
        shape: of one example: (C, H, W) of images, (T,) of token windows.
        examples: how many there are.
        fingerprint: sha256 of the content.
        class_names: of the labels; empty without labels.
        statistics: measured numbers, e.g. ``sigma_data``.
        assets: files in the run that belong to the data, such as its tokenizer -> their sha256.
        extractor: the feature extractor that was made for this data, if one was.
        vocab_size: how many tokens there are; 0 where nothing is tokens.
        end: the token that ends a document; None without one.
    """

    source: str
    name: str
    unit: str
    shape: tuple[int, ...]
    examples: int
    fingerprint: str
    class_names: tuple[str, ...] = ()
    statistics: Mapping[str, float] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)
    extractor: str = ""
    vocab_size: int = 0
    end: int | None = None

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def units_per_example(self) -> int:
        """How many of `unit` one example is: the length of a window of tokens, else 1."""
        return self.shape[0] if self.unit == "tok" else 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            ValueError: it is something else.
        """
        return documents.build(cls, data)


class Dataset(Protocol):
    """An endless, seekable stream of examples.

    Attributes:
        spec: what is known of it.
        assets: the files that ``spec.assets`` names -> their content.
    """

    spec: DataSpec
    assets: Mapping[str, bytes]

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Batches from ``position`` on; rank r of w gets its own contiguous share of each.

        The example at a position depends on ``seed`` and the position alone.
        """
        ...
