"""From a stream of image batches to a table of features, in one pass."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.extractors.pixels import channels_first

Images = Iterable[Tensor | NDArray[np.uint8]]


@dataclass(frozen=True)
class Features:
    """What an extractor makes of a set of images.

    Attributes:
        values: ``(N, dim) float32`` on the CPU, in the order of the images.
        shapes: the ``(channels, height, width)`` that occurred.
        waiting_seconds: spent in the iterator: reading, decoding or sampling.
        extracting_seconds: spent in the extractor.
    """

    values: Tensor
    shapes: frozenset[tuple[int, int, int]]
    waiting_seconds: float
    extracting_seconds: float

    @property
    def count(self) -> int:
        """The number of images."""
        return len(self.values)


def extract(extractor: Extractor, images: Images) -> Features:
    """Run ``images`` (uint8 batches of any length, NCHW or NHWC) through ``extractor``.

    Args:
        extractor: the network.
        images: batches; shapes may differ between batches.

    Raises:
        GenctlError: (USAGE) a batch is not 8-bit images; (DATA) there are no images, or the
            features are not finite.
    """
    shapes: set[tuple[int, int, int]] = set()
    rows: list[Tensor] = []
    waiting = extracting = 0.0
    clock = time.perf_counter()
    for block in _blocks(images, extractor.batch_size):
        ready = time.perf_counter()
        waiting += ready - clock
        shapes.update((c, h, w) for _, c, h, w in (piece.shape for piece in block))
        rows.append(_features_of(extractor, block))
        clock = time.perf_counter()
        extracting += clock - ready
    if not rows:
        raise GenctlError(ExitStatus.DATA, "there are no images to evaluate")
    values = torch.cat(rows)
    if not values.isfinite().all():
        raise GenctlError(
            ExitStatus.DATA, f"the {extractor.name} extractor gave features that are not finite"
        )
    return Features(values, frozenset(shapes), waiting, extracting)


def _features_of(extractor: Extractor, block: list[Tensor]) -> Tensor:
    """Features of a block of at most `batch_size` images; the network always sees that many."""
    count = sum(map(len, block))
    missing = extractor.batch_size - count
    if missing:
        filler = block[-1][-1:].expand(missing, -1, -1, -1)
        block = [*block[:-1], torch.cat([block[-1], filler])]
    # Not around the iterator, which may be sampling under settings of its own.
    with torch.inference_mode(), _exact_float32():
        inputs = torch.cat([extractor.prepare(piece) for piece in block])
        return extractor.features(inputs)[:count].float().cpu()


def _blocks(images: Images, size: int) -> Iterator[list[Tensor]]:
    """Regroup batches: each block holds ``size`` images (the last one fewer).

    A block is a list of batches, one for each run of images of the same shape.
    """
    block: list[Tensor] = []
    free = size
    for batch in map(channels_first, images):
        rest = batch
        while len(rest):
            taken, rest = rest[:free], rest[free:]
            if block and block[-1].shape[1:] == taken.shape[1:]:
                block[-1] = torch.cat([block[-1], taken])
            else:
                block.append(taken)
            free -= len(taken)
            if not free:
                yield block
                block, free = [], size
    if block:
        yield block


@contextmanager
def _exact_float32() -> Iterator[None]:
    """IEEE single precision on GPUs too, where convolutions use TF32 by default."""
    operators = [getattr(torch.backends.cudnn, name) for name in ("conv", "rnn")]
    precisions = [operator.fp32_precision for operator in operators]
    matmul = torch.get_float32_matmul_precision()
    try:
        # All of cuDNN's operators, since torch refuses to run with some of them set.
        for operator in operators:
            operator.fp32_precision = "ieee"
        torch.set_float32_matmul_precision("highest")
        yield
    finally:
        for operator, precision in zip(operators, precisions, strict=True):
            operator.fp32_precision = precision
        torch.set_float32_matmul_precision(matmul)
