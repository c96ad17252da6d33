"""Keyed randomness: random numbers depend on their key only, not on earlier draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import torch
from torch import Tensor

from genctl.seeding import seed_of

Draw = Callable[[tuple[int, ...], torch.Generator, torch.device], Tensor]

TRAINING_BLOCK = 16
"""Rows per seeded generator in training: seeding a generator costs as much as drawing some rows."""


class KeyedNoise:
    """Random numbers whose row i depends on ``key``, the stream's name and ``indices[i]`` alone.

    Rows are drawn in aligned blocks: ``indices[i] // block`` is the number of a block. The
    generator is seeded for each block, and rows of the block that are not in ``indices`` are
    dropped.

    Args:
        key: what the randomness belongs to, e.g. seed and attempt.
        indices: positions of examples or numbers of samples, ascending.
        block: rows per block; larger blocks cost less, unless only few of their rows are used.
        drawn_on: the device that draws the numbers; the CPU gives the same ones for every device.
        device: the device of the returned tensors.
    """

    def __init__(
        self,
        key: tuple[int | str, ...],
        indices: Sequence[int],
        *,
        block: int = 1,
        drawn_on: torch.device | str = "cpu",
        device: torch.device | str = "cpu",
    ) -> None:
        self.indices = indices
        self._key = key
        self._block = block
        self._device = torch.device(device)
        self._generator = torch.Generator(drawn_on)

    def normal(self, stream: str, *shape: int) -> Tensor:
        """Standard normal numbers, (rows, *shape) float32."""
        return self._rows(stream, shape, lambda s, g, d: torch.randn(s, generator=g, device=d))

    def uniform(self, stream: str, *shape: int) -> Tensor:
        """Numbers uniform in [0, 1), (rows, *shape) float32."""
        return self._rows(stream, shape, lambda s, g, d: torch.rand(s, generator=g, device=d))

    def integers(self, stream: str, high: int, *shape: int) -> Tensor:
        """Whole numbers uniform in [0, high), (rows, *shape) int64."""
        return self._rows(
            stream, shape, lambda s, g, d: torch.randint(high, s, generator=g, device=d)
        )

    def _rows(self, stream: str, shape: tuple[int, ...], draw: Draw) -> Tensor:
        generator = self._generator
        parts = []
        for number, members in groupby(self.indices, lambda index: index // self._block):
            wanted = [index % self._block for index in members]
            generator.manual_seed(seed_of(*self._key, stream, number))
            rows = draw((self._block, *shape), generator, generator.device)
            parts.append(rows if len(wanted) == self._block else rows[wanted])
        return torch.cat(parts).to(self._device, non_blocking=True)


class PathNoise:
    """Noise interpolated between that of two samples, with the same distribution everywhere.

    Normal numbers are interpolated on the great circle between the two (Shoemake 1985, spherical
    linear interpolation); uniform numbers and integers switch at the middle.

    Args:
        ends: noise of two rows.
        indices: numbers of the samples.
        places: the position of each sample between the two, in [0, 1].
    """

    def __init__(self, ends: KeyedNoise, indices: Sequence[int], places: Sequence[float]) -> None:
        self.indices = indices
        self._ends = ends
        self._places = places

    def normal(self, stream: str, *shape: int) -> Tensor:
        """Interpolated standard normal numbers, (rows, *shape) float32."""
        ends = self._ends.normal(stream, *shape)
        first, last = ends.cpu().double().flatten(1)  # Metal has no double
        cosine = torch.dot(first, last) / (first.norm() * last.norm())
        angle = torch.arccos(cosine.clamp(-1, 1)).clamp(min=1e-6)
        places = torch.tensor(self._places, dtype=torch.float64)[:, None]
        left, right = ((1 - places) * angle).sin(), (places * angle).sin()
        found = (left * first + right * last) / angle.sin()
        turned: Tensor = found.float().view(-1, *shape).to(ends.device)
        return turned

    def uniform(self, stream: str, *shape: int) -> Tensor:
        """The numbers of the nearer end, (rows, *shape) float32."""
        return self._nearer(self._ends.uniform(stream, *shape))

    def integers(self, stream: str, high: int, *shape: int) -> Tensor:
        """The integers of the nearer end, (rows, *shape) int64."""
        return self._nearer(self._ends.integers(stream, high, *shape))

    def _nearer(self, ends: Tensor) -> Tensor:
        return ends[[round(place) for place in self._places]]
