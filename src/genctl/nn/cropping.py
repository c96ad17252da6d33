"""Images without the margin that a network needed."""

from __future__ import annotations

from torch import Tensor


def crop(images: Tensor, height: int, width: int) -> Tensor:
    """The first rows and columns of ``(B, C, H, W)``: the tensor itself if all are wanted.

    Else a copy, not a view: what a module that is cut among processes returns must be its own.
    """
    if images.shape[2:] == (height, width):
        return images
    return images[:, :, :height, :width].contiguous()
