"""A picture that sampling starts from, and the part of it that is to be made anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genctl.data import decode
from genctl.data.images import to_float
from genctl.errors import ExitStatus, GenctlError

Shape = tuple[int, int, int]


def read_picture(path: Path, shape: Shape) -> Tensor:
    """The picture at ``path``, (C, H, W) float in [-1, 1].

    Args:
        shape: (C, H, W) of the model's images; the picture must have it already.

    Raises:
        GenctlError: (DATA) no picture there, or one of another size or depth.
    """
    channels, height, width = shape
    pixels = _read(path, None)
    _check_size(path, pixels, (height, width))
    if pixels.shape[2] != channels:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} has {pixels.shape[2]} channels (1 grey, 3 colour, 4 with alpha), the model "
            f"makes images of {channels}",
            hint="convert the picture first",
        )
    return to_float(torch.from_numpy(pixels.copy()).permute(2, 0, 1))


def read_mask(path: Path, shape: Shape) -> Tensor:
    """The mask at ``path``, (1, H, W) float: 1 where it is white, and the image is made anew.

    Raises:
        GenctlError: (DATA) no picture there, or one of another size.
    """
    pixels = _read(path, 1)
    _check_size(path, pixels, shape[1:])
    return torch.from_numpy(pixels >= 128).permute(2, 0, 1).float()


def _read(path: Path, channels: int | None) -> np.ndarray:
    try:
        with decode.strict_decoding(), decode.open_image(path) as image:
            depth = channels or decode.channels_of(image)
            return decode.to_array(image, size=None, channels=depth)
    except FileNotFoundError:
        raise GenctlError(ExitStatus.DATA, f"no picture at {path}") from None
    except decode.UNREADABLE as error:
        raise GenctlError(
            ExitStatus.DATA, f"cannot read the picture {path}: {decode.reason(error)}"
        ) from None


def _check_size(path: Path, pixels: np.ndarray, size: tuple[int, ...]) -> None:
    if pixels.shape[:2] != size:
        found, wanted = ("x".join(map(str, s)) for s in (pixels.shape[:2], size))
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} is {found}, the model makes {wanted} (height x width)",
            hint=f"crop and resize the picture to {wanted} first",
        )
