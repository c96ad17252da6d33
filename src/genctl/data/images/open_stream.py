"""Images for an evaluation as streams: anything that `open_source` takes, and functions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from genctl.compat.callables import import_callable, is_target, sha256_of_source
from genctl.data.images.open_source import (
    is_named,
    is_packed,
    not_a_source,
    open_source,
    separate_split,
)
from genctl.data.images.sets.catalogue import NAMED_SETS
from genctl.data.images.source import ImageSource
from genctl.data.images.sources.archive import checked_images
from genctl.data.images.sources.archive_stream import ArchiveStream
from genctl.data.images.sources.file_stream import FileStream
from genctl.data.images.stream import ArrayStream, Draw, DrawnStream, ImageStream
from genctl.files import safe_name, typed_path


@runtime_checkable
class LabelledImages(Protocol):
    """Images in memory, such as samples: ``array`` (N, H, W, C) uint8 and their classes."""

    @property
    def array(self) -> npt.NDArray[np.uint8]: ...
    @property
    def labels(self) -> npt.NDArray[np.int64] | None: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...


Images: TypeAlias = str | Path | Draw | LabelledImages | npt.NDArray[np.uint8]
"""What `open_stream` takes."""


def open_stream(source: Images, count: int) -> ImageStream:
    """The images that ``source`` names.

    Args:
        source: ``digits``, a folder, a ``.zip``, an ``.npz``, each with ``:train`` or ``:test`` at
            its end if needed; a function from places to images, or its name as
            ``module:callable``; samples, or an array (N, H, W, C) or (N, H, W) uint8.
        count: the number of images to take from a function.

    Raises:
        GenctlError: (DATA) no such source, or no usable image; (USAGE) a function that cannot be
            imported.
    """
    if isinstance(source, LabelledImages | np.ndarray):
        return ArrayStream(_in_memory(source))
    if callable(source):
        return _drawn(source, getattr(source, "__name__", type(source).__name__), count)
    text, split = separate_split(str(source), "train")
    path = typed_path(text)
    if is_named(text):
        folder = NAMED_SETS[text].folder
        if folder is not None:
            return FileStream(folder(), split)
        return ArrayStream(open_source(text, split=split))
    if os.path.isdir(path) or is_packed(path):
        return FileStream(path, split)
    if os.path.isfile(path) and path.suffix.lower() == ".npz" and split == "train":
        return ArchiveStream(path)
    if is_target(text) and not is_named(text.partition(":")[0]) and not os.path.exists(path):
        return _drawn(import_callable(text), text.rpartition(":")[2], count)
    if split != "train" and os.path.isfile(path):
        open_source(text, split=split)  # raises an error that explains why there is no such split
    raise not_a_source(text)


def _in_memory(images: LabelledImages | npt.NDArray[np.uint8]) -> ImageSource:
    if isinstance(images, np.ndarray):
        return ImageSource(checked_images("the array", images), None, (), "array", "train")
    array = checked_images("the samples", images.array)
    return ImageSource(array, images.labels, images.class_names, "samples", "train")


def _drawn(draw: Draw, name: str, count: int) -> ImageStream:
    return DrawnStream(draw, count, safe_name(name), sha256_of_source(draw))
