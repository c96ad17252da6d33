"""What can be scored, as a stream of 8-bit images: models, runs, folders, archives, data sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genctl import runs
from genctl.api.loading import load
from genctl.api.model import Model
from genctl.contracts import DataSpec
from genctl.data.images import to_uint8
from genctl.data.sources import ImageSource, open_source
from genctl.errors import ExitStatus, GenctlError
from genctl.export import bundle
from genctl.output import Output

BATCH = 256


@dataclass(frozen=True)
class Pictures:
    """Images and what is known of them.

    Attributes:
        name: for people and signatures.
        count: how many `batches` gives.
        data: of a model, the data it was trained on.
    """

    name: str
    count: int
    batches: Iterator[Tensor] = field(repr=False)
    data: DataSpec | None = None


def generated(
    subject: str | Path | Model | None,
    n: int | None,
    *,
    seed: int,
    batch_size: int,
    output: Output,
    **choice: Any,
) -> Pictures:
    """The images to score: ``n`` samples of a model, or those of a folder, archive or data set.

    Args:
        subject: a model, whatever `load` takes, or an image source; the latest run when None.
        n: how many; 2000 of a model, all of a source, when None.
        choice: ``checkpoint``, ``weights`` and ``device`` for `load`.

    Raises:
        GenctlError: nothing there, or a model that makes no images.
    """
    model = subject if isinstance(subject, Model) else None
    if subject is None or (not model and _is_model(Path(str(subject)))):
        model = load(None if subject is None else str(subject), output=output, **choice)
    if model is not None:
        return _of_model(model, 2000 if n is None else n, seed, batch_size, output)
    source = open_source(str(subject))
    count = len(source.images) if n is None else min(n, len(source.images))
    return Pictures(source.name, count, source_batches(source, count))


def reference_source(ref: str | None, pictures: Pictures) -> ImageSource:
    """The real images: ``ref`` where it is given, else what the model was trained on.

    Raises:
        GenctlError: neither is known, or the training data is no longer what it was.
    """
    if ref is not None:
        return open_source(ref)
    if pictures.data is None:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{pictures.name} has no training data to compare with",
            hint="--ref digits, --ref FOLDER or --ref FILE.npz",
        )
    data = pictures.data
    _, height, width = data.shape
    try:
        source = open_source(data.source, size=(height, width))
    except GenctlError as error:
        raise GenctlError(
            error.code,
            f"the data that the model was trained on cannot be read from here: {error.message}",
            hint="name the reference with --ref",
        ) from None
    if source.fingerprint != data.fingerprint:
        raise GenctlError(
            ExitStatus.DATA,
            f"{data.source} is no longer the data that the model was trained on",
            hint="name the reference with --ref",
        )
    return source


def source_batches(source: ImageSource, count: int | None = None) -> Iterator[Tensor]:
    """A source's images as uint8 (B, H, W, C) batches."""
    images = torch.from_numpy(source.images)[:count]
    yield from images.split(BATCH)


def model_batches(chunks: Iterator[Tensor]) -> Iterator[Tensor]:
    """Samples in about [-1, 1] as uint8 (B, C, H, W) batches."""
    return (to_uint8(chunk).cpu() for chunk in chunks)


def _is_model(path: Path) -> bool:
    if path.suffix == ".onnx" or bundle.is_bundle(path):
        return True
    return any((p / "config.json").is_file() for p in (path, runs.runs_root() / path))


def _of_model(model: Model, n: int, seed: int, batch_size: int, output: Output) -> Pictures:
    if model.spec.output != "image":
        raise GenctlError(
            ExitStatus.USAGE, f"{model.origin} makes {model.spec.output or 'nothing'}, not images"
        )
    chunks = model.chunks(n, seed=seed, labels=model.labels(None), batch_size=batch_size)
    tracked = output.track(chunks, n, "sampling")
    return Pictures(model.origin.stem, n, model_batches(tracked), model.data)
