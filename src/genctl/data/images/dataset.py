"""Images as a data set: a seekable stream in a seeded order, and conversions of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from genctl.contracts import Batch, DataSpec
from genctl.data.images.open_source import ImageSource
from genctl.data.in_memory import in_order, shuffled_batches
from genctl.seeding import seed_of


class ImageDataset:
    """Images in memory or in a memory-mapped file.

    Args:
        source: the decoded images.
        spec: the description of the images.
        flip: mirror half of the examples, chosen by seed and position.
    """

    assets: Mapping[str, bytes] = MappingProxyType({})
    """Image data sets have no assets."""

    def __init__(self, source: ImageSource, spec: DataSpec, *, flip: bool) -> None:
        self.spec = spec
        self._source = source
        self._images = torch.from_numpy(source.images)  # perhaps larger than memory
        self._labels = None if source.labels is None else torch.from_numpy(source.labels)
        self._flip = flip

    def __len__(self) -> int:
        return len(self._images)

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Batches from ``position`` on: ``image`` (B, C, H, W) float in [-1, 1], ``label`` (B,).

        Every epoch has its own permutation, keyed by ``seed`` and the epoch's number.
        """

        def take(rows: Tensor, positions: range) -> Batch:
            return self._batch(rows, positions, seed)

        return shuffled_batches(
            len(self), take, position, batch_size, seed=seed, rank=rank, world=world
        )

    def held_out(self) -> Iterator[Batch] | None:
        """The test split of these images, ``image`` and ``label``; None without one."""
        found = self._source.held_out()
        if found is None:
            return None
        return (self._examples(found, rows) for rows in in_order(len(found.images)))

    def uint8_batches(self, size: int) -> Iterator[Tensor]:
        """Every image once, (B, C, H, W) uint8, in the order of the source."""
        yield from (part.permute(0, 3, 1, 2) for part in self._images.split(size))

    @staticmethod
    def _examples(source: ImageSource, rows: range) -> Batch:
        images = torch.from_numpy(source.images[rows.start : rows.stop]).permute(0, 3, 1, 2)
        data = {"image": to_float(images.contiguous())}
        if source.labels is not None:
            data["label"] = torch.from_numpy(source.labels[rows.start : rows.stop])
        return Batch(data, rows)

    def _batch(self, rows: Tensor, positions: range, seed: int) -> Batch:
        images = to_float(self._images[rows].permute(0, 3, 1, 2).contiguous())
        if self._flip:
            mirrored = torch.tensor([seed_of(seed, "flip", p) & 1 for p in positions]).bool()
            images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        data = {"image": images}
        if self._labels is not None:
            data["label"] = self._labels[rows]
        return Batch(data, positions)


def to_float(images: Tensor) -> Tensor:
    """uint8 to float in [-1, 1]; any shape."""
    return images.float() / 127.5 - 1.0


def to_uint8(images: Tensor) -> Tensor:
    """Floats in about [-1, 1] to uint8, rounded, out-of-range values clamped; any shape."""
    return ((images.float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)


def statistics(images: np.ndarray) -> dict[str, float]:
    """Mean and standard deviation over all values, on the scale of [-1, 1].

    ``sigma_data`` is the quantity of that name in Karras et al. 2022 (EDM, arXiv 2206.00364).
    """
    histogram = np.zeros(256)
    for start in range(0, len(images), 1024):  # bincount takes eight bytes per value
        histogram += np.bincount(images[start : start + 1024].reshape(-1), minlength=256)
    levels = np.arange(256) / 127.5 - 1.0
    mean = float(histogram @ levels / histogram.sum())
    variance = float(histogram @ (levels - mean) ** 2 / histogram.sum())
    return {"mean": mean, "sigma_data": variance**0.5}


def uint8_batches(chunks: Iterator[Tensor]) -> Iterator[Tensor]:
    """Samples in about [-1, 1] as uint8 (B, C, H, W) batches on the CPU."""
    return (to_uint8(chunk).cpu() for chunk in chunks)
