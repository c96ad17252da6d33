"""Computes a table of features from a stream of image batches, in one pass."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genctl.data.images.stream import ImagePass
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.extractors.pixels import channels_first
from genctl.evaluation.table import Table

Images = Iterable[Tensor | NDArray[np.uint8]]


@dataclass(frozen=True)
class Features:
    """The features of a set of images.

    Attributes:
        values: ``(N, dim) float32`` on the CPU, in the order of the images; a memory-mapped file
            if they come from `extract`.
        shapes: the ``(channels, height, width)`` that occurred.
        digests: ``(N,) int64``, equal for images that are equal in every pixel.
        rows: ``(N,) int64``, the index of each image in its source.
        remarks: warnings about the images' files, one clause each.
        waiting_seconds: time spent in the iterator: reading, decoding or sampling.
        extracting_seconds: time spent in the extractor.
        labels: ``(N,) int64``, the class of each image; None if there are no classes.
        class_names: the names of the classes.
    """

    values: Tensor
    shapes: frozenset[tuple[int, int, int]]
    digests: Tensor
    rows: Tensor
    remarks: tuple[str, ...] = ()
    waiting_seconds: float = 0.0
    extracting_seconds: float = 0.0
    labels: Tensor | None = None
    class_names: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """The number of images."""
        return len(self.values)

    @property
    def repeated(self) -> int:
        """How many images are exact copies of others in the set."""
        return self.count - len(self.digests.unique())

    def labelled(self, labels: NDArray[np.int64] | None, class_names: tuple[str, ...]) -> Features:
        """The same features with classes; the labels cover the whole source of the images."""
        if labels is None:
            return self
        chosen = torch.from_numpy(np.ascontiguousarray(labels))[self.rows]
        return replace(self, labels=chosen, class_names=class_names)


def join(parts: Sequence[Features]) -> Features:
    """Concatenate the features of several sets of images, in order."""
    if len(parts) == 1:
        return parts[0]
    labels = [part.labels for part in parts if part.labels is not None]
    return Features(
        torch.cat([part.values for part in parts]),
        frozenset().union(*(part.shapes for part in parts)),
        torch.cat([part.digests for part in parts]),
        torch.cat([part.rows for part in parts]),
        tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
        max(part.waiting_seconds for part in parts),
        max(part.extracting_seconds for part in parts),
        torch.cat(labels) if labels else None,
        parts[0].class_names,
    )


def extract(extractor: Extractor, images: Images | ImagePass) -> Features:
    """Run ``images`` (uint8 batches of any length, NCHW or NHWC) through ``extractor``.

    Args:
        extractor: the network.
        images: batches; shapes may differ between batches. A reading also gives the indices of the
            images, and remarks about them.

    Raises:
        GenctlError: (USAGE) a batch is not 8-bit images; (DATA) there are no images, or the
            features are not finite.
    """
    shapes: set[tuple[int, int, int]] = set()
    table, finite = Table(), True
    digests: list[int] = []
    waiting = extracting = 0.0
    clock = time.perf_counter()
    for block in _blocks(images, extractor.batch_size):
        ready = time.perf_counter()
        waiting += ready - clock
        shapes.update((c, h, w) for _, c, h, w in (piece.shape for piece in block))
        digests += (_digest(image) for piece in block for image in piece)
        finite &= table.add(_features_of(extractor, block))
        clock = time.perf_counter()
        extracting += clock - ready
    if not digests:
        raise GenctlError(ExitStatus.DATA, "there are no images to evaluate")
    if not finite:
        raise GenctlError(
            ExitStatus.DATA, f"the {extractor.name} extractor gave features that are not finite"
        )
    known = images if isinstance(images, ImagePass) else ImagePass(rows=list(range(len(digests))))
    return Features(
        table.rows(),
        frozenset(shapes),
        torch.tensor(digests),
        torch.tensor(known.rows),
        known.remarks,
        waiting,
        extracting,
    )


def _digest(image: Tensor) -> int:
    """A number for the pixels and shape of a (C, H, W) image."""
    content = hashlib.sha256(repr(tuple(image.shape)).encode())
    content.update(image.cpu().contiguous().numpy().data)
    return int.from_bytes(content.digest()[:8], "little", signed=True)


def _features_of(extractor: Extractor, block: list[Tensor]) -> Tensor:
    """Features of a block of at most `batch_size` images; the network always gets full batches."""
    count = sum(map(len, block))
    missing = extractor.batch_size - count
    if missing:
        filler = block[-1][-1:].expand(missing, -1, -1, -1)
        block = [*block[:-1], torch.cat([block[-1], filler])]
    # This does not wrap the iterator, which may sample with its own settings.
    with torch.inference_mode(), exact_float32():
        inputs = torch.cat([extractor.prepare(piece) for piece in block])
        return extractor.features(inputs)[:count].float().cpu()


def _blocks(images: Images, size: int) -> Iterator[list[Tensor]]:
    """Regroup batches into blocks of ``size`` images (fewer in the last one).

    A block is a list of batches, one for each sequence of images of the same shape.
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
def exact_float32() -> Iterator[None]:
    """Use IEEE single precision on GPUs too, where convolutions use TF32 by default."""
    operators = [getattr(torch.backends.cudnn, name) for name in ("conv", "rnn")]
    precisions = [operator.fp32_precision for operator in operators]
    matmul = torch.get_float32_matmul_precision()
    try:
        # Set all of cuDNN's operators, because torch refuses to run with only some of them set.
        for operator in operators:
            operator.fp32_precision = "ieee"
        torch.set_float32_matmul_precision("highest")
        yield
    finally:
        for operator, precision in zip(operators, precisions, strict=True):
            operator.fp32_precision = precision
        torch.set_float32_matmul_precision(matmul)
