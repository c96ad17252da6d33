"""Images in an ``.npz`` in the format of samplers and evaluators: ``arr_0`` and ``arr_1``."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genctl.data.images import decode
from genctl.data.images.source import ImageSource
from genctl.data.images.sources.zip_file import DamagedError, reading
from genctl.errors import ExitStatus, GenctlError
from genctl.files import safe_name

_HINT = "numpy.savez(FILE, images, labels) with images (N, H, W, C) uint8 and labels (N,) integers"
_MAX_CLASSES = 100_000  # larger labels are ids of something else


def read_archive(
    path: Path, *, split: str, size: tuple[int, int] | None, channels: int | None
) -> ImageSource:
    """``arr_0``: images ``(N, H, W, C)`` or ``(N, H, W)`` uint8; ``arr_1``: labels, if present.

    Classes are named by their number, ``0`` to the largest label. Pickled objects are never read.

    Args:
        split: an archive contains only ``train``.
        size: (height, width) to crop and resize to.
        channels: 1, 3 or 4 to convert to.

    Raises:
        GenctlError: (DATA) the file is not such an archive.
    """
    if split != "train":
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} has no test split: an archive is one set of images",
            hint="name an archive of held-out images",
        )
    images, labels = _read_arrays(path)
    return ImageSource(
        images=decode.convert(images, size=size, channels=channels),
        labels=labels,
        class_names=() if labels is None else tuple(map(str, range(labels.max() + 1))),
        name=safe_name(path.resolve().stem),
        split=split,
    )


def _read_arrays(path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64] | None]:
    try:
        names = array_names(path)
        found = arrays_in(path, [name for name in ("arr_0", "arr_1") if name in names])
    except DamagedError as error:
        raise refusal(path, str(error)) from error
    if "arr_0" not in found:
        raise refusal(path, f"it has no array 'arr_0', only {', '.join(names) or 'nothing'}")
    images = checked_images(path, found["arr_0"])
    if "arr_1" not in found:
        return images, None
    return images, checked_labels(path, found["arr_1"], len(images))


def array_names(path: Path) -> list[str]:
    """The names of the arrays in an ``.npz``.

    Raises:
        DamagedError: the file cannot be read, or is not an ``.npz``.
    """
    with reading():
        if not zipfile.is_zipfile(path):
            raise DamagedError("it is damaged, or not an .npz")
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]


def arrays_in(path: Path, names: Sequence[str]) -> dict[str, npt.NDArray[np.generic]]:
    """Arrays of an ``.npz`` that contains them; pickled objects are never read.

    Raises:
        DamagedError: the file cannot be read, or what NumPy reads is not an array.
    """
    with reading(), np.load(path, allow_pickle=False) as archive:
        found = {name: archive[name] for name in names}
    for name, array in found.items():
        if not isinstance(array, np.ndarray):  # NumPy returns unknown content as bytes
            raise DamagedError(f"{name} is not an array")
    return found


def checked_images(origin: Path | str, array: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """``array`` as (N, H, W, C).

    Raises:
        GenctlError: (DATA) ``array`` does not have the type or shape of images.
    """
    shape = checked_shape(origin, array.shape, array.dtype)
    return array.reshape(shape).astype(np.uint8, copy=False)


def checked_shape(
    origin: Path | str, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> tuple[int, int, int, int]:
    """(N, H, W, C) of an array of images.

    Args:
        origin: the origin of the array, as an error names it.

    Raises:
        GenctlError: (DATA) the array does not have the type or shape of images.
    """
    if dtype != np.uint8:
        raise refusal(origin, f"its images are {dtype}, not uint8 in 0..255")
    full = (*shape, 1) if len(shape) == 3 else shape
    if len(full) != 4 or full[3] not in (1, 3, 4) or 0 in full:
        raise refusal(origin, f"its images have the shape {full}, not (N, H, W, C), C = 1, 3 or 4")
    count, height, width, channels = full
    return count, height, width, channels


def checked_labels(path: Path, array: npt.NDArray[np.generic], count: int) -> npt.NDArray[np.int64]:
    """Labels of ``count`` images.

    Raises:
        GenctlError: (DATA) the number of labels is wrong, or they are not numbers of classes.
    """
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise refusal(
            path, f"arr_1 is {array.dtype} of shape {array.shape}, not {count} integer labels"
        )
    labels = array.astype(np.int64)
    if labels.min() < 0 or labels.max() >= _MAX_CLASSES:
        raise refusal(
            path,
            f"the labels in arr_1 run from {array.min()} to {array.max()}, "
            "not from 0 to the number of classes",
        )
    return labels


def refusal(origin: Path | str, why: str) -> GenctlError:
    """The error for an archive or array without images."""
    return GenctlError(ExitStatus.DATA, f"cannot take images from {origin}: {why}", hint=_HINT)
