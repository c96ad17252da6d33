"""An image that sampling starts from, and the part of it that is regenerated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genctl.data.images import decode
from genctl.data.images.dataset import to_float
from genctl.data.images.drawing import to_pil
from genctl.errors import ExitStatus, GenctlError

Shape = tuple[int, int, int]


def read_image(path: Path, shape: Shape) -> Tensor:
    """The image at ``path``, (C, H, W) float in [-1, 1].

    Args:
        shape: (C, H, W) of the model's images. An image of the same proportions in another size is
            resized; a saved sample that was enlarged by whole pixels is restored exactly.

    Raises:
        GenctlError: (DATA) no image there, or one of other proportions or depth.
    """
    channels, height, width = shape
    pixels = _read(path, (height, width), None)
    if pixels.shape[2] != channels:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} has {pixels.shape[2]} channels (1 grey, 3 colour, 4 with alpha), and the "
            f"model's images have {channels}",
            hint="convert the image first",
            option="image",
        )
    return to_float(torch.from_numpy(pixels.copy()).permute(2, 0, 1))


def read_mask(path: Path, shape: Shape) -> Tensor:
    """The mask at ``path``, (1, H, W) float: 1 where it is white and the image is regenerated.

    Raises:
        GenctlError: (DATA) no image there, or one of other proportions.
    """
    pixels = _read(path, shape[1:], 1)
    return torch.from_numpy(pixels >= 128).permute(2, 0, 1).float()


def _read(path: Path, size: tuple[int, int], channels: int | None) -> np.ndarray:
    try:
        with decode.strict_decoding(), decode.open_image(path) as image:
            depth = channels or decode.channels_of(image)
            pixels = decode.to_array(image, size=None, channels=depth)
    except FileNotFoundError:
        raise GenctlError(ExitStatus.DATA, f"no image at {path}") from None
    except decode.UNREADABLE as error:
        raise GenctlError(
            ExitStatus.DATA, f"cannot read the image {path}: {decode.reason(error)}"
        ) from None
    return _resized(path, pixels, size)


def _resized(path: Path, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    found = pixels.shape[:2]
    if found[0] * size[1] != found[1] * size[0]:
        given, needed = ("x".join(map(str, sides)) for sides in (found, size))
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} is {given}, and the model's images are {needed} (height x width)",
            hint=f"crop the image to the proportions of {needed} first",
        )
    if found[0] % size[0] == 0:
        squares = pixels.reshape(size[0], found[0] // size[0], size[1], found[1] // size[1], -1)
        corners = squares[:, :1, :, :1]
        if (squares == corners).all():
            return corners.reshape(*size, -1)
    return decode.to_array(to_pil(pixels), size=size, channels=pixels.shape[2])
