"""From one image file to pixels: any mode Pillow reads, upright, at a given size and depth."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal, Protocol

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from genctl.data.images.drawing import MODES, to_pil

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# Recognised by content, not suffix; Pillow's other readers (EPS runs Ghostscript) are never used.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises on broken files, under `strict_decoding`."""


class Openable(Protocol):
    """A file that can be read: a path, or a member of a ZIP."""

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """Its bytes."""


@contextmanager
def strict_decoding() -> Iterator[None]:
    """Oversized images (Pillow's ``MAX_IMAGE_PIXELS``, 89 million) fail; other warnings are off.

    Warning filters are global to the process, so enter this once around a pool, not in its threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def reason(error: Exception) -> str:
    """Why a file cannot be read, in one line without its path."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or its start is damaged"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def open_image(path: Openable) -> Iterator[Image.Image]:
    """The first frame of a file: the header is read now, the pixels when needed.

    Raises:
        UNREADABLE: it is not an image of a known format.
    """
    # Given a path, Pillow 13 maps plain TIFFs into memory and garbles those that have to be turned.
    with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
        yield image


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) after the camera's orientation tag is applied."""
    if image.width == image.height or image.format == "TIFF":  # Pillow gives TIFF's size upright
        return image.height, image.width
    on_its_side = image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
    return (image.width, image.height) if on_its_side else (image.height, image.width)


def channels_of(image: Image.Image) -> int:
    """The fewest channels without loss: 1 grey, 3 colour, 4 with alpha really used."""
    if image.has_transparency_data and _lowest_alpha(image) < 255:
        return 4
    return 1 if _is_grey(image) else 3


def to_array(
    image: Image.Image, *, size: tuple[int, int] | None, channels: int
) -> npt.NDArray[np.uint8]:
    """``(H, W, channels) uint8``, upright.

    For a size of another aspect ratio, it keeps the largest centred part of that ratio. It
    resizes with Pillow's Lanczos filter, whose support grows with the factor: filters that skip
    source pixels alias, and the aliasing shows in every Fréchet distance (Parmar et al. 2022,
    arXiv 2104.11222). torchvision has no such filter for tensors, and its bicubic one would change
    pixels, and with them fingerprints. If the result has no alpha, transparent parts turn
    white.
    """
    image = _with_channels(ImageOps.exif_transpose(image), channels)
    if size is not None:
        height, width = size
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(image, dtype=np.uint8).reshape(image.height, image.width, channels)


def convert(
    images: npt.NDArray[np.uint8], *, size: tuple[int, int] | None, channels: int | None
) -> npt.NDArray[np.uint8]:
    """`to_array` for images already in memory: ``(N, H, W, C) uint8`` to the same."""
    _, height, width, depth = images.shape
    channels = channels or depth
    if channels == depth and size in (None, (height, width)):
        return images
    converted = np.empty((len(images), *(size or (height, width)), channels), np.uint8)
    for row, image in enumerate(images):
        converted[row] = to_array(to_pil(image), size=size, channels=channels)
    return converted


def _with_channels(image: Image.Image, channels: int) -> Image.Image:
    """``image`` in the 8-bit mode with this number of channels."""
    image = _eight_bit(image)
    if channels < 4 and image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert(MODES[channels])


def _is_grey(image: Image.Image) -> bool:
    palette = image.getpalette("RGB")
    if palette is not None:  # a grey GIF has a palette of greys
        return not np.ptp(np.reshape(palette, (-1, 3)), axis=1).any()
    return image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I;16")


def _lowest_alpha(image: Image.Image) -> int:
    return int(np.asarray(_eight_bit(image).convert("RGBA"))[..., 3].min())


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips at 255
        levels = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError("pixels of 32 bits; images have 8 or 16")
    return image
