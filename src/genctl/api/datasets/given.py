"""Training data in memory: arrays, lists of texts, data sets of torch and Hugging Face.

They are written into the cache once, under a name that is a checksum of the content, and read from
there like any other file. So a run on them can be resumed and scored as usual, and its fingerprint
is that of the content.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from genctl import documents
from genctl.data.images import decode
from genctl.data.images.sources.archive import checked_images
from genctl.errors import ExitStatus, GenctlError
from genctl.files import make_directory, writable_cache, write_atomic

_CHANNELS = (1, 3, 4)
_PLAIN = ("L", "RGB", "RGBA")
_ROUNDED = 0.5 / 255
"""What floats may exceed [0, 1] by, because rounding to uint8 removes it."""


def source_of(data: Any) -> str | None:
    """The name or path of ``data`` to put into a configuration.

    Args:
        data: a name or a path; images (N, H, W, C), (N, C, H, W) or (N, H, W), or a pair of them
            and (N,) labels; a list of texts, each a document; a torch ``Dataset`` of images, or of
            pairs of an image and a label; a Hugging Face ``Dataset`` with a column ``image``
            (and ``label``) or ``text``. Images are uint8, or floats in [0, 1]; labels are whole
            numbers.

    Raises:
        GenctlError: (USAGE) ``data`` is anything else; (DATA) the images or the labels cannot be
            used.
    """
    if data is None or isinstance(data, str | Path):
        return None if data is None else str(data)
    if hasattr(data, "column_names"):
        return _of_table(data)
    if isinstance(data, list | tuple) and data and all(isinstance(item, str) for item in data):
        return _texts(data)
    if isinstance(data, tuple) and len(data) == 2:
        return _images(_pixels(_array(data[0])), data[1])
    if hasattr(data, "__array__"):
        return _images(_pixels(_array(data)), None)
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
        return _images(_stacked(data["image"]), data["label"] if "label" in columns else None)
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
        images, labels = zip(*examples, strict=True)
        return _images(_stacked(images), labels)
    return _images(_stacked(examples), None)


def _pixels(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Images with their channels last, and floats in [0, 1], as in torchvision, as uint8."""
    if images.ndim == 4 and images.shape[1] in _CHANNELS and images.shape[3] not in _CHANNELS:
        images = np.moveaxis(images, 1, 3)
    if images.dtype.kind != "f" or not images.size:
        return images
    least, most = float(images.min()), float(images.max())
    if not (least > -_ROUNDED and most < 1 + _ROUNDED):  # also where a value is NaN
        raise GenctlError(
            ExitStatus.DATA,
            f"the images hold values from {least:g} to {most:g}, and floats must be in [0, 1]",
            hint="scale them to [0, 1], or give uint8 in 0..255",
            option="data",
        )
    return (images * 255).round().clip(0, 255).astype(np.uint8)


def _stacked(items: Iterable[Any]) -> npt.NDArray[Any]:
    images = [_pixels(_array(item)[np.newaxis])[0] for item in items]
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
    if isinstance(data, Image.Image) and data.mode not in _PLAIN:  # such as a palette
        channels = 4 if data.has_transparency_data else 1 if data.mode[0] in "1IF" else 3
        return decode.to_array(data, size=None, channels=channels)
    return data.detach().cpu().numpy() if hasattr(data, "detach") else np.asarray(data)


def _labels(given: Any, count: int) -> npt.NDArray[np.int64]:
    """The label of each of ``count`` images.

    Raises:
        GenctlError: (DATA) their number is wrong, or they are not whole numbers from 0 on.
    """
    try:
        labels = _array(given if hasattr(given, "__array__") else [_array(item) for item in given])
    except (TypeError, ValueError):  # a single value, or labels of several shapes
        labels = np.array(None)
    if labels.shape == (count, 1):
        labels = labels[:, 0]
    if not _are_classes(labels):
        raise GenctlError(
            ExitStatus.DATA,
            "the labels are not whole numbers from 0 on",
            hint="number the classes from 0 on",
            option="data",
        )
    if labels.shape != (count,):
        raise GenctlError(
            ExitStatus.DATA,
            f"there are {count} images, but the labels have the shape {labels.shape}",
            option="data",
        )
    return labels.astype(np.int64)


def _are_classes(labels: npt.NDArray[Any]) -> bool:
    """Whether all of them are whole numbers from 0 on."""
    if labels.dtype.kind not in "biuf" or not np.isfinite(labels).all():
        return False
    return bool((labels >= 0).all() and (labels == labels.astype(np.int64)).all())


def _images(images: npt.NDArray[Any], given: Any) -> str:
    checked = checked_images("the array", images)
    labels = None if given is None else _labels(given, len(checked))
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
    lines = "".join(f"{documents.to_json({'text': text})}\n" for text in texts)
    content = lines.encode()
    return _kept(f"texts-{hashlib.sha256(content).hexdigest()[:12]}.jsonl", lambda: content)


def _kept(name: str, content: Callable[[], bytes]) -> str:
    """The path of a file in the cache, which is written if it does not exist."""
    path = make_directory(writable_cache() / "given") / name
    if not path.is_file():
        write_atomic(path, content())
    return str(path)
