"""Real colour images with names and classes: the emoji of the font Noto Color Emoji.

The images are rendered from the installed font (SIL Open Font License); genctl contains none of it.
Each image is one code point that has a name in Unicode, so ``captions`` are those names.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from genctl.errors import ExitStatus, GenctlError
from genctl.files import typed_path

SIDE = 64
FONT = "NotoColorEmoji.ttf"
_POINTS, _CANVAS = 109, (136, 128)
"""The only size of the font's bitmaps."""

_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
_RANGES = {
    "face": ((0x1F600, 0x1F64F), (0x1F910, 0x1F92F), (0x1F970, 0x1F97A)),
    "person": ((0x1F385, 0x1F385), (0x1F440, 0x1F487), (0x1F9D0, 0x1F9DF), (0x1F9B0, 0x1F9BB)),
    "animal": ((0x1F400, 0x1F43F), (0x1F980, 0x1F9AE), (0x1FAB0, 0x1FABF)),
    "plant and sky": ((0x1F300, 0x1F344), (0x2600, 0x2604)),
    "food": ((0x1F345, 0x1F37F), (0x1F950, 0x1F96F), (0x1FAD0, 0x1FADF)),
    "play": ((0x1F380, 0x1F3D3), (0x26BD, 0x26BE)),
    "place": ((0x1F3D4, 0x1F3FA), (0x1F5FA, 0x1F5FF)),
    "vehicle": ((0x1F680, 0x1F6A4), (0x1F6E9, 0x1F6FC)),
    "thing": ((0x1F488, 0x1F4B2), (0x1F4BA, 0x1F4FF), (0x1F9E0, 0x1F9FF), (0x1FA70, 0x1FAAF)),
}
_OTHER = "sign"
CLASS_NAMES = (*_RANGES, _OTHER)
_FIRST, _LAST = 0x203C, 0x1FAFF
_NO_IMAGES = ("Sk", "Lo")
"""Categories of code points: skin colours alone, and letters of scripts without case."""


def load_emoji(split: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], tuple[str, ...]]:
    """One split of the images.

    Returns:
        images ``(N, 64, 64, 3) uint8`` on white, labels ``(N,)`` into `CLASS_NAMES`, and captions.

    Raises:
        GenctlError: (DATA) the font is not installed, with a hint how to install it.
    """
    drawn = _drawn(find_font())
    chosen = [entry for entry in drawn if _is_test(entry[0]) == (split == "test")]
    points, images = zip(*chosen, strict=True)
    labels = np.array([CLASS_NAMES.index(_class_of(point)) for point in points], np.int64)
    captions = tuple(unicodedata.name(chr(point)).lower() for point in points)
    return np.stack(images), labels, captions


def find_font() -> Path:
    """The font's file: ``$GENCTL_EMOJI_FONT``, or the place where systems keep fonts.

    Raises:
        GenctlError: (DATA) there is no such file.
    """
    named = os.environ.get("GENCTL_EMOJI_FONT")
    if named:
        if Path(named).is_file():
            return Path(named)
        raise GenctlError(
            ExitStatus.DATA,
            f"GENCTL_EMOJI_FONT is {named}, and there is no such file",
            hint=f"name a file {FONT}, or unset GENCTL_EMOJI_FONT",
        )
    for folder in _FOLDERS:
        for path in sorted(typed_path(folder).rglob(FONT)):
            return path
    raise GenctlError(
        ExitStatus.DATA,
        f"the images of `emoji` are rendered from the font Noto Color Emoji, and no {FONT} is "
        f"under {', '.join(_FOLDERS)}",
        hint="apt install fonts-noto-color-emoji, or name the file in GENCTL_EMOJI_FONT",
    )


@lru_cache(maxsize=1)
def _drawn(path: Path) -> tuple[tuple[int, npt.NDArray[np.uint8]], ...]:
    try:
        font = ImageFont.truetype(str(path), _POINTS)
        return tuple(_images(font))
    except OSError as error:
        raise GenctlError(
            ExitStatus.DATA,
            f"cannot draw emoji from {path}: {error}",
            hint="use a newer Pillow, or the font with bitmaps (CBDT) of Debian's package",
        ) from None


def _images(font: ImageFont.FreeTypeFont) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Every code point that has a name and a coloured glyph of its own, each image once."""
    seen: set[bytes] = set()
    for point in range(_FIRST, _LAST + 1):
        if not unicodedata.name(chr(point), "") or unicodedata.category(chr(point)) in _NO_IMAGES:
            continue
        canvas = Image.new("RGBA", _CANVAS, (255, 255, 255, 0))
        ImageDraw.Draw(canvas).text((0, 0), chr(point), font=font, embedded_color=True)
        content = canvas.tobytes()
        if canvas.getbbox() is None or content in seen:
            continue
        seen.add(content)
        paper = Image.new("RGBA", (_CANVAS[0], _CANVAS[0]), "white")
        paper.alpha_composite(canvas, (0, (_CANVAS[0] - _CANVAS[1]) // 2))
        small = paper.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        yield point, np.asarray(small)


def _class_of(point: int) -> str:
    for name, ranges in _RANGES.items():
        if any(low <= point <= high for low, high in ranges):
            return name
    return _OTHER


def _is_test(point: int) -> bool:
    """Whether an image is held out: a tenth of them, by a hash of the code point."""
    return hashlib.sha256(point.to_bytes(4, "little")).digest()[0] % 10 == 0
