"""The interface of data: batches, the description of a data set, and its stream."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from genctl import documents
from genctl.errors import GenctlError
from genctl.registry import DATA_KINDS

if TYPE_CHECKING:
    import torch
    from torch import Tensor


TOKENIZER = "tokenizer/tokenizer.json"
"""The asset that holds a tokenizer."""

_UNITS = {"img": "images", "tok": "tokens"}
"""Unit -> its word, where the kind of data has none."""

FORMAT = 2
"""The format version of the documents that `DataSpec` is written to."""


class Batch(dict[str, "Tensor"]):
    """Examples by key (``image``, ``tokens``, ``label`` ...), rows first, and their positions.

    Args:
        data: key -> tensor of shape (B, ...).
        positions: the position of each example in the endless stream that training reads.
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
class Feature:
    """One named tensor of an example.

    Attributes:
        kind: ``image``, ``tokens``, ``label``, ``latent``, ``audio``, ``embedding`` or a kind from
            a plug-in.
        shape: the shape without the batch axis: (C, H, W) of images, (T,) of windows of tokens; -1
            if a length varies up to a bound.
        size: the number of values: classes of a label, tokens of a vocabulary; otherwise 0.
        asset: the asset that explains its values, such as a tokenizer.
        names: the names of the values, in order, such as the classes of a label.
        end: the token that ends a document; None without one.
        extractor: the feature extractor for such images; empty if there is none.
    """

    kind: str
    shape: tuple[int, ...] = ()
    size: int = 0
    asset: str = ""
    names: tuple[str, ...] = ()
    end: int | None = None
    extractor: str = ""


@dataclass(frozen=True)
class DataSpec:
    """What sampling, scoring and exporting need to know about the data; plain JSON.

    Attributes:
        source: the name or path of the data, as the user gave it.
        name: a short name that suits a file name.
        unit: the unit of counts: ``img``, ``tok`` or another.
        examples: the number of examples.
        fingerprint: sha256 of the content.
        features: batch key -> the feature of an example.
        kind: the name of the kind of data.
        units_per_example: the number of units in one example.
        statistics: measured numbers, e.g. ``sigma_data``.
        assets: files in the run that belong to the data, such as its tokenizer -> their sha256.
    """

    source: str
    name: str
    unit: str
    examples: int
    fingerprint: str
    features: Mapping[str, Feature]
    kind: str = ""
    units_per_example: int = 1
    statistics: Mapping[str, float] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)

    @property
    def main(self) -> Feature:
        """The feature that an example consists of: the first one."""
        return next(iter(self.features.values()))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the main feature: (C, H, W) of images, (T,) of windows of tokens."""
        return self.main.shape

    @property
    def size(self) -> str:
        """The shape of an example in words: ``1x28x28``."""
        return "x".join(map(str, self.shape))

    def in_words(self, examples: int) -> str:
        """A count in words: ``64 images of shape 1x28x28``, ``512 tokens in windows of 256``."""
        count = f"{examples * self.units_per_example:,} {self._units}"
        how = "in windows of" if self.units_per_example > 1 else "of shape"
        return f"{count} {how} {self.size}"

    @property
    def _units(self) -> str:
        """The word for several units: that of the kind of data, if an example is one unit."""
        if self.units_per_example == 1:
            with contextlib.suppress(GenctlError):  # a kind that no plug-in adds any more
                return DATA_KINDS.get(self.kind).words[1]
        return _UNITS.get(self.unit, self.unit)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes; empty without labels."""
        return self.features["label"].names if "label" in self.features else ()

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def extractor(self) -> str:
        """The feature extractor for this data; empty if there is none."""
        return self.main.extractor

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The data spec from the result of `to_json`, in this format or format 1.

        Raises:
            ValueError: ``data`` is something else.
        """
        fields = dict(data)
        version = fields.pop("format", 1)
        if version not in (1, FORMAT):
            raise ValueError(f"its format is {version}; this genctl reads up to {FORMAT}")
        spec = documents.build(cls, _migrated(fields) if version == 1 else fields)
        if not spec.features:
            raise ValueError("features: the mapping is empty")
        return spec


def _migrated(old: dict[str, Any]) -> dict[str, Any]:
    """A document of format 1, which had only images and windows of tokens, in today's format."""
    documents.require(old, ("shape", "unit"))
    shape, names = old.pop("shape"), old.pop("class_names", ())
    extractor = old.pop("extractor", "")
    size, end = old.pop("vocab_size", 0), old.pop("end", None)
    features: dict[str, dict[str, Any]]
    if len(shape) == 1:
        length = shape[0]
        tokens = {"kind": "tokens", "shape": shape, "size": size, "asset": TOKENIZER, "end": end}
        features, kind = {"tokens": tokens}, "text"
    else:
        length = 1
        features = {"image": {"kind": "image", "shape": shape, "extractor": extractor}}
        kind = "images"
    if names:
        features["label"] = {"kind": "label", "size": len(names), "names": names}
    return {
        **old,
        "assets": old.pop("artefacts", {}),
        "features": features,
        "kind": kind,
        "units_per_example": length,
    }


class Dataset(Protocol):
    """An endless, seekable stream of examples.

    Attributes:
        spec: the description of the data.
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

    def held_out(self) -> Iterator[Batch] | None:
        """One pass over examples that training never reads, in order; None if there are none.

        Windows of tokens come with ``mask (B, T)``, true where a token is to be predicted.
        """
        ...
