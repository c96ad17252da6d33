"""Images with the margin that a network needs, and without it."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def pad(images: Tensor, height: int, width: int) -> Tensor:
    """``(B, C, H, W)`` with zeros at the bottom and right: ``(B, C, height, width)``.

    The tensor itself if it has this size already.
    """
    rows, columns = height - images.shape[2], width - images.shape[3]
    return F.pad(images, (0, columns, 0, rows)) if rows or columns else images


def crop(images: Tensor, height: int, width: int) -> Tensor:
    """The first rows and columns of ``(B, C, H, W)``: the tensor itself if all are wanted.

    Otherwise a copy: a sharded module must not return a view.
    """
    if images.shape[2:] == (height, width):
        return images
    return images[:, :, :height, :width].contiguous()
