"""Keyed randomness: what is drawn depends on what it is for, never on what was drawn before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from genctl.seeding import seed_of

Draw = Callable[[tuple[int, ...], torch.Generator, torch.device], Tensor]

LARGEST_BLOCK = 16
"""Rows drawn from one seeded generator in training; seeding one costs as much as some rows."""


class KeyedNoise:
    """Draws whose row i depends on ``key``, the stream's name and ``indices[i]`` alone.

    Rows are drawn in aligned blocks, ``indices[i] // block`` naming the block; a request must be
    made of whole blocks. One generator is seeded anew for each block of each stream.

    Args:
        key: what the randomness belongs to, e.g. seed and attempt.
        indices: positions of examples or numbers of samples; consecutive within a block.
        block: rows a block; 1 lets any row be drawn alone.
        drawn_on: where numbers are drawn; the CPU makes them the same on every device.
        device: where they are wanted.
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
        if len(indices) % block or indices[0] % block:
            raise ValueError(f"{len(indices)} rows from {indices[0]} are not blocks of {block}")
        self.indices = indices
        self._key = key
        self._block = block
        self._device = torch.device(device)
        self._generator = torch.Generator(drawn_on)

    def normal(self, stream: str, *shape: int) -> Tensor:
        """Standard normal numbers, (rows, *shape) float32."""
        return self._rows(
            stream, shape, lambda s, g, d: torch.randn(s, generator=g, device=d)
        )

    def uniform(self, stream: str, *shape: int) -> Tensor:
        """Numbers uniform in [0, 1), (rows, *shape) float32."""
        return self._rows(stream, shape, lambda s, g, d: torch.rand(s, generator=g, device=d))

    def integers(self, stream: str, high: int, *shape: int) -> Tensor:
        """Whole numbers uniform in [0, high), (rows, *shape) int64."""
        return self._rows(
            stream, shape, lambda s, g, d: torch.randint(high, s, generator=g, device=d)
        )

    def _rows(self, stream: str, shape: tuple[int, ...], draw: Draw) -> Tensor:
        device = self._generator.device
        parts = []
        for first in self.indices[:: self._block]:
            self._generator.manual_seed(seed_of(*self._key, stream, first // self._block))
            parts.append(draw((self._block, *shape), self._generator, device))
        return torch.cat(parts).to(self._device, non_blocking=True)


def block_size(batch_size: int, micro_batch: int) -> int:
    """The largest power of two, at most 16, that divides a batch and its micro-batches."""
    block = LARGEST_BLOCK
    while batch_size % block or micro_batch % block:
        block //= 2
    return block
