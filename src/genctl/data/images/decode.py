"""From one image file to pixels: any mode Pillow reads, upright, at a given size and depth."""

from __future__ import annotations

import functools
import importlib.util
import struct
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import BinaryIO, Literal, Protocol

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError, features

from genctl.data.images.drawing import MODES, to_pil

_HEIF = (".heic", ".heif")
_AVIF = (".avif",)
_PLAIN = (".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_PICTURES = (*_PLAIN, *_AVIF, *_HEIF)
_HAS_HEIF = importlib.util.find_spec("pillow_heif") is not None
SUFFIXES = (
    *_PLAIN,
    *(_AVIF if features.check("avif") else ()),
    *(_HEIF if _HAS_HEIF else ()),
)
"""The suffixes of images that can be read here."""

# Recognised by content, not suffix; Pillow's other readers (EPS runs Ghostscript) are never used.
_FORMATS = (
    *("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"),
    *(("AVIF",) if features.check("avif") else ()),
    *(("HEIF",) if _HAS_HEIF else ()),
)

_WHITE = 2**16 - 1
_BITS, _PHOTOMETRIC = 258, 262
"""Tags of TIFF."""

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


def is_picture(path: PurePath) -> bool:
    """Whether its name is that of an image, even of one that cannot be read here."""
    return path.suffix.lower() in _PICTURES


def missing_for(suffix: str) -> str:
    """What to install for images of this suffix; empty where nothing is missing."""
    if suffix in SUFFIXES or suffix not in _PICTURES:
        return ""
    return "pip install pillow-heif" if suffix in _HEIF else "pip install -U pillow"


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
    _register_heif()
    # Given a path, Pillow 13 maps plain TIFFs into memory and garbles those that have to be turned.
    with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
        yield image


@functools.cache
def _register_heif() -> None:
    """Tell Pillow of the plug-in for HEIF, if that is installed."""
    if _HAS_HEIF:
        importlib.import_module("pillow_heif").register_heif_opener()


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
    image = _with_channels(ImageOps.exif_transpose(_eight_bit(image)), channels)
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
    """``image``, of 8 bits, in the mode with this number of channels."""
    if channels < 4 and image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert(MODES[channels])


def _is_grey(image: Image.Image) -> bool:
    palette = image.getpalette("RGB")
    if palette is not None:  # a grey GIF has a palette of greys
        return not np.ptp(np.reshape(palette, (-1, 3)), axis=1).any()
    return image.mode in ("1", "L", "LA", "La") or is_deep(image)


def _lowest_alpha(image: Image.Image) -> int:
    return int(np.asarray(_eight_bit(image).convert("RGBA"))[..., 3].min())


def _eight_bit(image: Image.Image) -> Image.Image:
    if is_deep(image):  # Pillow's own conversion clips at 255
        levels = np.asarray(image).astype(np.uint32)
        most = _most(image)
        eight = ((np.minimum(levels, most) * 255 + most // 2) // most).astype(np.uint8)
        made = Image.fromarray(255 - eight if _is_inverted(image) else eight)
        turn = ExifTags.Base.Orientation
        made.getexif()[turn] = image.getexif().get(turn, 1)
        return made
    if image.mode in ("I", "F"):
        raise ValueError("pixels of 32 bits, or of 16 with a sign; images have 8, 12 or 16")
    return image


def is_deep(image: Image.Image) -> bool:
    """Whether it has more than 8 bits per channel, and Pillow gives all of them."""
    return image.mode.startswith("I;16")


def brightest(image: Image.Image) -> int | None:
    """The highest level of an image of 16 bits; None for other images."""
    return int(np.asarray(image).max()) if is_deep(image) and _most(image) == _WHITE else None


def doubt_of_depth(brightest: Iterable[int | None]) -> str:
    """What to know about images of 16 bits; empty where nothing is odd.

    Args:
        brightest: `brightest` of each image.
    """
    levels = [level for level in brightest if level is not None]
    if not levels or max(levels) > _WHITE // 16:
        return ""
    return (
        f"{len(levels):,} images of 16 bits have no level above {max(levels):,}: 12 bits stored "
        "in 16 come out nearly black; multiply their levels by 16"
    )


def _most(image: Image.Image) -> int:
    """The level of white in a deep image: a TIFF may have 12 bits."""
    return (1 << _tag(image, _BITS, 16)) - 1


def _is_inverted(image: Image.Image) -> bool:
    """Whether 0 is white, which Pillow applies to TIFFs of 8 bits only."""
    return _tag(image, _PHOTOMETRIC, 1) == 0


def _tag(image: Image.Image, number: int, default: int) -> int:
    """A number from the header of a TIFF."""
    value = getattr(image, "tag_v2", {}).get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)
