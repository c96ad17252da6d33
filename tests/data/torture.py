"""A folder of everything that people's folders have: odd, broken and hostile files."""

from __future__ import annotations

import gzip
import os
import pickle  # noqa: TID251 - one of the files is hostile
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.data.pictures import pixels

KEPT, UNREADABLE, IGNORED = "kept", "unreadable", "ignored"
"""What becomes of a file: an image, an image file that is none, or no image file."""


def make_torture(root: Path) -> dict[str, str]:
    """Write the files below ``root``; path -> what is to become of it."""
    root.mkdir(parents=True)
    outcomes: dict[str, str] = {}
    for number, (name, (content, outcome)) in enumerate(_files().items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(number) if callable(content) else content)
        outcomes[name] = outcome
    os.symlink(root / "nowhere.png", root / "dangling.png")
    outcomes["dangling.png"] = UNREADABLE
    os.symlink(root, root / "circle")
    return outcomes


def _files() -> dict[str, tuple[bytes | Callable[[int], bytes], str]]:
    kept: dict[str, Callable[[int], bytes]] = {
        "rgb.png": lambda k: saved(pixels(k), "PNG"),
        "grey.png": lambda k: saved(pixels(k, 6, 8), "PNG"),
        "rgba.png": lambda k: saved(pixels(k, 6, 8, 4), "PNG"),
        "opaque-rgba.png": lambda k: saved(picture(k).convert("RGBA"), "PNG"),
        "grey-alpha.png": lambda k: saved(picture(k).convert("LA"), "PNG"),
        "palette.png": lambda k: saved(picture(k).quantize(8), "PNG"),
        "palette-transparent.png": lambda k: saved(picture(k).quantize(8), "PNG", transparency=0),
        "one-bit.png": lambda k: saved(picture(k).convert("1"), "PNG"),
        "sixteen.png": lambda k: saved(pixels(k, 6, 8).astype(np.uint16) * 257, "PNG"),
        "sixteen.tif": lambda k: saved(pixels(k, 6, 8).astype(np.uint16) * 257, "TIFF"),
        "photo.jpg": lambda k: saved(pixels(k), "JPEG"),
        "grey.jpeg": lambda k: saved(pixels(k, 6, 8), "JPEG"),
        "progressive.jpg": lambda k: saved(pixels(k), "JPEG", progressive=True),
        "cmyk.jpg": lambda k: saved(picture(k).convert("CMYK"), "JPEG"),
        "turned.jpg": lambda k: saved(pixels(k, 8, 6, 3), "JPEG", exif=turned()),
        "animated.gif": lambda k: animated(k, "GIF"),
        "still.gif": lambda k: saved(picture(k).quantize(8), "GIF"),
        "animated.webp": lambda k: animated(k, "WEBP"),
        "lossless.webp": lambda k: saved(pixels(k), "WEBP", lossless=True),
        "bitmap.bmp": lambda k: saved(pixels(k), "BMP"),
        "pages.tif": lambda k: animated(k, "TIFF"),
        "packed.tiff": lambda k: saved(pixels(k), "TIFF", compression="tiff_lzw"),
        "UPPER.PNG": lambda k: saved(pixels(k), "PNG"),
        "中文 名字.png": lambda k: saved(pixels(k), "PNG"),
        "笑😀.png": lambda k: saved(pixels(k), "PNG"),
        "two.ext.jpg.png": lambda k: saved(pixels(k), "PNG"),
        "a jpeg.png": lambda k: saved(pixels(k), "JPEG"),
        "one-pixel.png": lambda k: saved(pixels(k, 1, 1, 3), "PNG"),
        "wide.png": lambda k: saved(pixels(k, 2, 300, 3), "PNG"),
        "deep/er/still.png": lambda k: saved(pixels(k), "PNG"),
        "folder.png/inside.png": lambda k: saved(pixels(k), "PNG"),
        "copied.png": lambda k: saved(pixels(1000), "PNG"),
        "copy.png": lambda k: saved(pixels(1000), "PNG"),
    }
    whole = saved(pixels(0, 40, 40, 3), "PNG")
    photo = saved(pixels(0, 40, 40, 3), "JPEG")
    unreadable: dict[str, bytes] = {
        "float.tif": saved(pixels(0, 6, 8).astype(np.float32), "TIFF"),
        "whole-numbers.tif": saved(pixels(0, 6, 8).astype(np.int32), "TIFF"),
        "empty.png": b"",
        "text.png": b"this is no image\n",
        "page.jpg": b"<!doctype html><title>404</title>",
        "cut.png": whole[: len(whole) // 2],
        "cut.jpg": photo[: len(photo) // 2],
        "flipped.png": flipped(whole),
        "bomb.png": bomb(),
        "pdf.png": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj <<>> endobj\n",
        "eps.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n",
        "icon.png": saved(pixels(0, 16, 16, 4), "ICO"),
        "zipped.png": gzip.compress(whole),
        "pickled.png": pickle.dumps({"image": 1}),
        "zeros.png": bytes(1000),
        "header-only.gif": b"GIF89a",
    }
    ignored = {
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "notes.txt": b"x",
        "Thumbs.db": b"x",
        "script.py": b"raise SystemExit('run')",
        ".hidden.png": whole,
        "._mac.png": b"x",
        "__MACOSX/inside.png": whole,
    }
    return {
        **{name: (content, KEPT) for name, content in kept.items()},
        **{name: (content, UNREADABLE) for name, content in unreadable.items()},
        **{name: (content, IGNORED) for name, content in ignored.items()},
    }


def picture(seed: int) -> Image.Image:
    return Image.fromarray(pixels(seed))


def saved(image: Any, form: str, **options: Any) -> bytes:
    buffer = BytesIO()
    opened = image if isinstance(image, Image.Image) else Image.fromarray(image)
    opened.save(buffer, form, **options)
    return buffer.getvalue()


def animated(seed: int, form: str) -> bytes:
    frames = [picture(100 * seed + k) for k in range(3)]
    return saved(frames[0], form, save_all=True, append_images=frames[1:])


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def flipped(content: bytes) -> bytes:
    """One bit of the pixels changed, so that a checksum does not hold."""
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    return bytes(damaged)


def bomb() -> bytes:
    """A PNG of a few bytes that claims 100,000 x 100,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
