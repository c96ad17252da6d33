"""Converts 8-bit images for networks: channel order, colours, sizes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError

CHANNELS = (1, 3, 4)


def channels_first(images: Tensor | NDArray[np.uint8]) -> Tensor:
    """``(B, C, H, W) uint8`` from a batch in that order or in ``(B, H, W, C)``.

    Raises:
        GenctlError: (USAGE) not 8-bit, not four-dimensional, or not 1, 3 or 4 channels.
    """
    if not isinstance(images, Tensor):
        # torch warns about read-only arrays, and refuses negative strides.
        images = torch.from_numpy(np.require(images, requirements=["C", "W"]))
    if images.dtype != torch.uint8:
        raise GenctlError(
            ExitStatus.USAGE,
            f"images must be uint8, these are {str(images.dtype).removeprefix('torch.')}",
            hint="round, do not truncate: ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)",
        )
    if images.ndim == 4 and images.shape[1] in CHANNELS:
        return images
    if images.ndim == 4 and images.shape[3] in CHANNELS:
        return images.permute(0, 3, 1, 2)
    raise GenctlError(
        ExitStatus.USAGE,
        f"a batch of images must be (B, C, H, W) or (B, H, W, C) with 1, 3 or 4 channels, "
        f"not {tuple(images.shape)}",
    )


def to_rgb(images: Tensor) -> Tensor:
    """``(B, 3, H, W)``: grey repeated, alpha dropped (as Pillow's ``convert("RGB")`` does)."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images[:, :3]


def to_grey(images: Tensor) -> Tensor:
    """``(B, 1, H, W) float32`` luma of ``uint8`` images, unrounded (ITU-R BT.601, eq. in 2.5.1)."""
    if images.shape[1] == 1:
        return images.float()
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device)
    return torch.einsum("bchw,c->bhw", images[:, :3].float(), weights)[:, None]


def resize(images: Tensor, size: int) -> Tensor:
    """``(B, C, size, size)``: bilinear at half-pixel centres, with antialiased downscaling."""
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)


def resize_like_tf1(images: Tensor, size: int) -> Tensor:
    """``(B, C, size, size)``: bilinear as in TensorFlow 1, which published FIDs use.

    Output row ``i`` is read at ``i * in / out``, without the half-pixel shift and without
    antialiasing, so the map is linear and separable: ``A_h X A_w^T`` with two rows' weights in
    each row of ``A``.

    Args:
        images: ``(B, C, H, W) float32``.
        size: height and width of the result.
    """
    height, width = images.shape[-2:]
    rows = _tf1_matrix(height, size).to(images)
    columns = _tf1_matrix(width, size).to(images)
    return rows @ images @ columns.T


@lru_cache(maxsize=16)
def _tf1_matrix(source: int, target: int) -> Tensor:
    """``(target, source) float32`` weights of one axis."""
    # TensorFlow computes the positions in single precision.
    position = torch.arange(target, dtype=torch.float32) * torch.tensor(source / target)
    low = position.floor().long()
    high = (low + 1).clamp(max=source - 1)
    fraction = (position - low)[:, None]
    return (1 - fraction) * F.one_hot(low, source) + fraction * F.one_hot(high, source)
