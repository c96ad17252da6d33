"""What can be scored, as a stream of 8-bit images: models, and all that `open_stream` takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from torch import Tensor

from genctl.api.evaluation.request import EvalRequest, Subject
from genctl.api.models.model import Model
from genctl.data.images.dataset import uint8_batches
from genctl.data.images.open_source import open_source
from genctl.data.images.open_stream import open_stream
from genctl.data.images.stream import ArrayStream, ImagePass, ImageStream, Pixels
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion, opt
from genctl.output import Output
from genctl.outputs.base import SampleRequest, label_numbers
from genctl.outputs.images import KIND
from genctl.outputs.images.generate import image_chunks
from genctl.weights import flatten, sha256_of_tensors

SAMPLES = 2000
"""The default number of images that a model is scored on."""


class ModelStream(ImageStream):
    """Samples of a model, generated when they are read, in turn from each of its classes.

    Attributes:
        model: the model that generates them.

    Raises:
        GenctlError: (USAGE) the model does not generate images, or the number is below 1.
    """

    verb = "sampling"
    lasting = False

    def __init__(self, model: Model, count: int, *, seed: int, batch_size: int) -> None:
        if model.output != KIND:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{model.origin} generates {model.makes}, not images",
                suggest=Suggestion("eval", args=("all", str(model.origin))),
            )
        self.model, self.count, self.name = model, count, model.origin.absolute().name
        self.extractor = model.data.extractor
        self._seed, self._batch_size = seed, batch_size
        self._classes = label_numbers(model, None)
        if self._classes:
            self.labels = np.resize(np.array(self._classes), count)
            self.class_names = model.data.class_names

    @cached_property
    def fingerprint(self) -> str:
        """The checksum of the weights and the seed."""
        weights = sha256_of_tensors(flatten(self.model.trained.modules))
        return hashlib.sha256(f"{weights}:{self._seed}".encode()).hexdigest()

    def read(self, rows: Sequence[int]) -> ImagePass:
        """Generate the samples, (B, C, H, W)."""
        batches = (batch.numpy() for batch in uint8_batches(self._chunks(rows)))
        return ImagePass(batches, list(rows))

    def pick(self, rows: Sequence[int]) -> list[Pixels]:
        """Generate the samples again."""
        batches = uint8_batches(self._chunks(rows))
        return [image.permute(1, 2, 0).numpy() for batch in batches for image in batch]

    def _chunks(self, rows: Sequence[int]) -> Iterator[Tensor]:
        request = SampleRequest(self.count, seed=self._seed, batch_size=self._batch_size)
        return image_chunks(self.model, request, self._classes, places=rows)


def open_subject(
    subject: Subject | None, n: int | None, request: EvalRequest, output: Output
) -> ImageStream:
    """The images to score: samples of a model, or anything that `open_stream` takes.

    Args:
        subject: a model, whatever `load` takes, or an image source; the latest run when None.
        n: the number of samples from a model or function; `SAMPLES` when None.
        request: how models are loaded and sampled.

    Raises:
        GenctlError: the subject does not exist, or is a model that does not generate images.
    """
    count = SAMPLES if n is None else n
    found = request.opened(subject, output)
    if isinstance(found, Model):
        return ModelStream(found, count, seed=request.seed, batch_size=request.batch_size)
    return open_stream(found, count)


def open_reference(
    ref: Subject | None, subject: ImageStream, request: EvalRequest, output: Output
) -> ImageStream:
    """The real images: ``ref`` if it is given, otherwise what the model was trained on.

    Raises:
        GenctlError: neither is known, or the training data is no longer what it was.
    """
    if ref is not None:
        return open_subject(ref, subject.count, replace(request, seed=0), output)
    if not isinstance(subject, ModelStream):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{subject.name} has no training data to compare with",
            option="ref",
            suggest=("digits", Placeholder("FOLDER"), Placeholder("FILE.npz")),
        )
    data = subject.model.data
    _, height, width = data.shape
    try:
        source = open_source(data.source, size=(height, width))
    except GenctlError as error:
        raise GenctlError(
            error.code,
            f"the data that the model was trained on cannot be read from here: {error.template}",
            hint=f"name the reference with {opt('ref')}",
            option="ref",
        ) from None
    if source.fingerprint != data.fingerprint:
        raise GenctlError(
            ExitStatus.DATA,
            f"{data.source} is no longer the data that the model was trained on",
            hint=f"name the reference with {opt('ref')}",
            option="ref",
        )
    return ArrayStream(source)
