"""Training data in memory: arrays, lists of texts, data sets of torch and Hugging Face.

They are written into the cache once, under a name that is a checksum of the content, and read from
there like any other file. So a run on them can be resumed and scored as usual, and its fingerprint
is that of the content.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genctl.data.images.sources.archive import checked_images
from genctl.errors import ExitStatus, GenctlError
from genctl.files import cache_folder, make_directory, write_atomic


def source_of(data: Any) -> str | None:
    """The name or path of ``data`` to put into a configuration.

    Args:
        data: a name or a path; images (N, H, W, C) or (N, H, W) uint8, or a pair of them and
            (N,) labels; a list of texts, each a document; a torch ``Dataset`` of images, or of
            pairs of an image and a label; a Hugging Face ``Dataset`` with a column ``image``
            (and ``label``) or ``text``.

    Raises:
        GenctlError: (USAGE) ``data`` is anything else; (DATA) the images cannot be used.
    """
    if data is None or isinstance(data, str | Path):
        return None if data is None else str(data)
    if hasattr(data, "column_names"):
        return _of_table(data)
    if isinstance(data, list | tuple) and data and all(isinstance(item, str) for item in data):
        return _texts(data)
    if isinstance(data, tuple) and len(data) == 2:
        return _images(_array(data[0]), _array(data[1]))
    if hasattr(data, "__array__"):
        return _images(_array(data), None)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and len(data):
        return _of_examples([data[k] for k in range(len(data))])
    raise GenctlError(
        ExitStatus.USAGE,
        f"data of the type {type(data).__name__} cannot be trained on",
        hint="give a name, a path, an array, a list of texts or a Dataset",
        option="data",
    )


def _of_table(data: Any) -> str:
    """A Hugging Face ``Dataset``."""
    columns = set(data.column_names)
    if "image" in columns:
        labels = np.asarray(data["label"]) if "label" in columns else None
        return _images(_stacked([np.asarray(image) for image in data["image"]]), labels)
    if "text" in columns:
        return _texts(list(data["text"]))
    raise GenctlError(
        ExitStatus.DATA,
        f"the data set has no column image or text, only {', '.join(sorted(columns))}",
        hint="rename the column",
        option="data",
    )


def _of_examples(examples: Sequence[Any]) -> str:
    """The items of a torch ``Dataset``: texts, images, or pairs of an image and a label."""
    if all(isinstance(item, str) for item in examples):
        return _texts(examples)
    if all(isinstance(item, tuple | list) and len(item) == 2 for item in examples):
        labels = np.array([int(label) for _, label in examples])
        return _images(_stacked([_pixels(image) for image, _ in examples]), labels)
    return _images(_stacked([_pixels(image) for image in examples]), None)


def _pixels(image: Any) -> npt.NDArray[np.uint8]:
    """One image as (H, W, C) uint8; floats are taken to be in [0, 1], as in torchvision."""
    array = _array(image)
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array = np.moveaxis(array, 0, 2)
    if array.dtype.kind == "f":
        array = (array * 255).round().clip(0, 255).astype(np.uint8)
    return array


def _stacked(images: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise GenctlError(
            ExitStatus.DATA,
            f"the images have {len(shapes)} different shapes, but training needs one",
            hint="resize them, or train on a folder of files and set the size",
            option="data",
        )
    return np.stack(images)


def _array(data: Any) -> npt.NDArray[Any]:
    return data.detach().cpu().numpy() if hasattr(data, "detach") else np.asarray(data)


def _images(images: npt.NDArray[Any], labels: npt.NDArray[Any] | None) -> str:
    checked = checked_images("the array", images)
    if labels is not None and labels.shape != (len(checked),):
        raise GenctlError(
            ExitStatus.DATA,
            f"there are {len(checked)} images, but the labels have the shape {labels.shape}",
            option="data",
        )
    digest = hashlib.sha256(repr(checked.shape).encode())
    digest.update(np.ascontiguousarray(checked).data)
    if labels is not None:
        digest.update(np.ascontiguousarray(labels, dtype="<i8").data)

    def content() -> bytes:
        buffer = io.BytesIO()
        if labels is None:
            np.savez_compressed(buffer, arr_0=checked)
        else:
            np.savez_compressed(buffer, arr_0=checked, arr_1=labels)
        return buffer.getvalue()

    return _kept(f"array-{digest.hexdigest()[:12]}.npz", content)


def _texts(texts: Iterable[str]) -> str:
    lines = "".join(f"{json.dumps({'text': text}, ensure_ascii=False)}\n" for text in texts)
    content = lines.encode()
    return _kept(f"texts-{hashlib.sha256(content).hexdigest()[:12]}.jsonl", lambda: content)


def _kept(name: str, content: Callable[[], bytes]) -> str:
    """The path of a file in the cache, which is written if it does not exist."""
    path = make_directory(cache_folder() / "given") / name
    if not path.is_file():
        write_atomic(path, content())
    return str(path)
