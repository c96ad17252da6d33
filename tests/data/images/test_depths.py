"""Depths above 8 bits: right, or said, and never clipped, folded or inverted without a word."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from genctl.data.images.check import check_images
from genctl.data.images.open_source import open_source
from tests.data.pictures import write


def tiff(path: Path, levels: npt.NDArray[np.uint16], bits: int, white_is_zero: bool) -> None:
    """A grey TIFF of 12 or 16 bits, as Pillow cannot write it."""
    height, width = levels.shape
    if bits == 12:  # with an even width, rows end with a byte
        pairs = levels.reshape(-1, 2).tolist()
        data = b"".join((a << 12 | b).to_bytes(3, "big") for a, b in pairs)
    else:
        data = levels.astype("<u2").tobytes()
    tags = [
        (256, width), (257, height), (258, bits), (259, 1), (262, 0 if white_is_zero else 1),
        (273, 8), (277, 1), (278, height), (279, len(data)),
    ]  # fmt: skip
    head = b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags))
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    path.write_bytes(head + body + bytes(4))


@pytest.mark.parametrize(("bits", "inverted"), [(12, False), (16, False), (16, True)])
def test_a_deep_tiff(tmp_path: Path, bits: int, inverted: bool) -> None:
    most = 2**bits - 1
    tiff(tmp_path / "a.tif", np.array([[0, most // 4, most // 2, most]], np.uint16), bits, inverted)
    expected = [255, 191, 128, 0] if inverted else [0, 64, 127, 255]
    assert open_source(str(tmp_path)).images[0, 0, :, 0].tolist() == expected
    assert open_source(str(tmp_path), channels=3).images[0, 0, :, 2].tolist() == expected


def test_deep_colours_keep_their_upper_bits(tmp_path: Path) -> None:
    levels = np.array([[[0, 32768, 65535]]], ">u2")

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + levels.tobytes()))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    assert open_source(str(tmp_path)).images[0, 0, 0].tolist() == [0, 128, 255]


def test_a_deep_image_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    write(tmp_path / "a.png", np.array([[0, 65535], [0, 0]], np.uint16), exif=exif)
    assert open_source(str(tmp_path)).images[0, ..., 0].tolist() == [[0, 0], [255, 0]]


def test_twelve_bits_in_sixteen_are_said(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"{number}.png", np.full((4, 4), 1000 * number, np.uint16))
    words = "3 images of 16 bits have no level above 2,000"
    assert words in open_source(str(tmp_path)).notes[0]
    assert any(words in line for s in check_images(str(tmp_path)).sections for line in s.warnings)
    write(tmp_path / "4.png", np.full((4, 4), 60_000, np.uint16))
    assert open_source(str(tmp_path)).notes == ()
