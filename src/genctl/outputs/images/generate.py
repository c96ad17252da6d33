"""Images from a trained model, and the steps of their sampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genctl.contracts import Batch, Noise, Sampler
from genctl.data.images.dataset import to_uint8
from genctl.data.images.edits import read_image, read_mask
from genctl.engine.sampling.loaded import LoadedModel
from genctl.errors import ExitStatus, GenctlError, Placeholder, opt
from genctl.output import Output
from genctl.outputs.base import SampleRequest, drawn_labels, label_numbers, request_chunks
from genctl.outputs.images.samples import ImageSamples


def generate(model: LoadedModel, request: SampleRequest, output: Output) -> ImageSamples:
    """The requested images.

    Raises:
        GenctlError: a number below 1, an unknown class or option, an image that cannot be used.
    """
    numbers = label_numbers(model, request.labels)
    chunks = output.track(image_chunks(model, request, numbers), request.n, "sampling")
    array = np.concatenate([pixels_of(chunk) for chunk in chunks])
    return ImageSamples(array, drawn_labels(numbers, request), model.data.class_names)


def image_chunks(
    model: LoadedModel,
    request: SampleRequest,
    labels: Sequence[int],
    *,
    places: Sequence[int] | None = None,
    sampler: Sampler | None = None,
) -> Iterator[Tensor]:
    """The samples as raw chunks (rows, C, H, W), for many more than fit in memory.

    Args:
        labels: numbers of the classes that samples take in turn.
        places: generate only these samples; all when None.
        sampler: used instead of the model's own.

    Raises:
        GenctlError: (USAGE) a number below 1, an unknown option, an image that cannot be used.
    """
    given = _given(model, request)
    return request_chunks(model, request, labels, places=places, given=given, sampler=sampler)


def trajectory(model: LoadedModel, request: SampleRequest) -> list[ImageSamples]:
    """The samples of `generate` after each step of the sampler.

    Raises:
        GenctlError: as `generate`; a family that generates in one step.
    """
    sampler = model.sampler()
    if not hasattr(sampler, "trajectory"):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{model.origin} generates in one step, so there is no trajectory to show",
            hint=f"leave {opt('trajectory')} out",
            option="trajectory",
        )
    numbers = label_numbers(model, request.labels)
    chunks = image_chunks(model, request, numbers, sampler=_Steps(sampler))
    parts = [[pixels_of(step) for step in chunk] for chunk in chunks]
    labels, names = drawn_labels(numbers, request), model.data.class_names
    return [ImageSamples(np.concatenate(step), labels, names) for step in zip(*parts, strict=True)]


def _given(model: LoadedModel, request: SampleRequest) -> dict[str, Tensor]:
    """The images that samples start from, by the name of their condition."""
    if request.image is None and request.mask is None:
        return {}
    if request.image is None:
        raise GenctlError(
            ExitStatus.USAGE,
            "a mask needs the image that it belongs to",
            option="image",
            suggest=Placeholder("IMAGE"),
        )
    if "image" not in model.sampler().conditions:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{model.origin} generates images from noise alone, not from {request.image}",
            hint=f"leave {opt('image')} out",
            option="image",
        )
    channels, height, width = model.data.shape
    shape = (channels, height, width)
    found = {"image": read_image(Path(request.image), shape)}
    if request.mask is not None:
        found["mask"] = read_mask(Path(request.mask), shape)
    return found


class _Steps:
    """A sampler that returns all its steps as one chunk, (steps, rows, C, H, W)."""

    def __init__(self, sampler: Any) -> None:
        self.conditions: frozenset[str] = sampler.conditions
        self._sampler = sampler

    def sample(self, request: Any, condition: Batch, noise: Noise) -> Tensor:
        steps: Tensor = self._sampler.trajectory(request, condition, noise)
        return steps


def pixels_of(chunk: Tensor) -> npt.NDArray[np.uint8]:
    """Floats in about [-1, 1] (rows, C, H, W) as uint8 (rows, H, W, C)."""
    pixels: npt.NDArray[np.uint8] = to_uint8(chunk).permute(0, 2, 3, 1).cpu().numpy()
    return pixels
