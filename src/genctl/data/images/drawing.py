"""Images as PNG files: sheets of several images, thumbnails and single images."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from genctl.files import write_atomic

THUMBNAIL = 96
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Number of channels -> Pillow's name of such an image."""


def grid(images: npt.NDArray[np.generic], columns: int | None = None) -> npt.NDArray[np.generic]:
    """Images (N, H, W, C) as one (rows * H, columns * W, C), row by row, with black blanks.

    Without ``columns`` the sheet is as square as possible. The result equals torchvision's
    ``make_grid``, which takes three seconds to import, except for grey images, which that turns
    into colour, and for fewer images than columns.
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.zeros((rows * columns, height, width, channels), images.dtype)
    sheet[:count] = images
    tiled = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return tiled.reshape(rows * height, columns * width, channels)


def to_pil(image: npt.NDArray[np.generic]) -> Image.Image:
    """(H, W, C) uint8 with 1, 3 or 4 channels."""
    channels = image.shape[-1]
    return Image.fromarray(image[..., 0] if channels == 1 else image, MODES[channels])


def thumbnail(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``(96, 96, 3)``: shrunk, or enlarged in whole pixels, on white."""
    shown = to_pil(image)
    if shown.mode == "RGBA":
        shown = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
    shown = shown.convert("RGB")
    shown.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    scale = max(1, THUMBNAIL // max(shown.size))
    shown = shown.resize((shown.width * scale, shown.height * scale), Image.Resampling.NEAREST)
    paper = Image.new("RGB", (THUMBNAIL, THUMBNAIL), "white")
    paper.paste(shown, ((THUMBNAIL - shown.width) // 2, (THUMBNAIL - shown.height) // 2))
    return np.asarray(paper)


def save_png(path: Path, image: npt.NDArray[np.generic]) -> None:
    """Write one (H, W, C) uint8 image; small sheets are enlarged by whole pixels."""
    write_atomic(path, png_of(enlarged(to_pil(image))))


def png_of(image: Image.Image) -> bytes:
    """The content of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def enlarged(image: Image.Image) -> Image.Image:
    scale = max(1, 640 // max(image.size))
    size = (image.width * scale, image.height * scale)
    return image.resize(size, Image.Resampling.NEAREST)
