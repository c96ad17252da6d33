"""Folders of images."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from genctl.data.images import decode
from genctl.data.images.open_source import open_source
from genctl.errors import ExitStatus, GenctlError
from tests.data.pictures import Pixels, pixels, refusal, write


def test_a_flat_folder_in_natural_order(tmp_path: Path) -> None:
    root = tmp_path / "我的 照片!"
    images = [pixels(k) for k in range(12)]
    for number, image in enumerate(images):
        write(root / f"图{number}.png", image)
    (root / "notes.txt").write_text("not an image")
    (root / "._图1.png").write_bytes(b"left by another system")
    opened = open_source(str(root))
    assert np.array_equal(opened.images, images)
    assert opened.labels is None
    assert opened.class_names == ()
    assert opened.name == "我的-照片"
    assert opened.left_out == {".txt": 1}
    assert opened.held_out() is None


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    for number, name in enumerate(["狗", "10", "9", "Cat"]):
        write(tmp_path / name / "deep" / "er.png", np.full((4, 4), number, np.uint8))
    opened = open_source(str(tmp_path))
    assert opened.class_names == ("9", "10", "Cat", "狗")
    assert opened.labels is not None
    assert opened.labels.dtype == np.int64
    assert dict(zip(opened.images[:, 0, 0, 0], opened.labels, strict=True)) == {
        2: 0,
        1: 1,
        3: 2,
        0: 3,
    }


@pytest.mark.parametrize("paths", [("a/1.png", "2.png"), ("a/1.png", "a/2.png")])
def test_without_classes(tmp_path: Path, paths: tuple[str, str]) -> None:
    for path in paths:
        write(tmp_path / path, pixels(0))
    opened = open_source(str(tmp_path))
    assert (opened.labels, opened.class_names) == (None, ())


@pytest.mark.parametrize("suffix", decode.SUFFIXES)
def test_every_suffix_in_any_case(tmp_path: Path, suffix: str) -> None:
    for k, name in enumerate([f"a{suffix}", f"b{suffix.upper()}"]):
        write(tmp_path / name, np.full((8, 8, 3), 40 + 100 * k, np.uint8))
    images = open_source(str(tmp_path), channels=3).images
    assert np.abs(images.mean((1, 2, 3)) - [40, 140]).max() < 3


@pytest.mark.parametrize("links", [True, False])
def test_linked_folders_are_followed_once(tmp_path: Path, links: bool) -> None:
    write(tmp_path / "data" / "a" / "1.png", pixels(0))
    write(tmp_path / "elsewhere" / "2.png", pixels(1))
    if links:
        try:
            (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
            (tmp_path / "data" / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
        except OSError:
            pytest.skip("no symbolic links here")
    assert len(open_source(str(tmp_path / "data")).images) == (2 if links else 1)


def layout(root: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for k in range(count):
            write(root / split / f"类{k}" / "x.png", np.full((4, 4), 10 * k, np.uint8))


def test_train_and_test_folders_are_splits(tmp_path: Path) -> None:
    layout(tmp_path / "鸟")
    opened = open_source(str(tmp_path / "鸟"))
    held_out = open_source(f"{tmp_path / '鸟'}:test")
    assert (len(opened.images), len(held_out.images)) == (3, 2)
    assert opened.class_names == held_out.class_names == ("类0", "类1", "类2")
    assert opened.name == held_out.name == "鸟"
    again = opened.held_out()
    assert again is not None
    assert again.fingerprint == held_out.fingerprint


def test_held_out_images_get_the_channels_of_the_others(tmp_path: Path) -> None:
    write(tmp_path / "train" / "1.png", pixels(0, 4, 4, 3))
    write(tmp_path / "test" / "1.png", pixels(0, 4, 4))
    held_out = open_source(str(tmp_path)).held_out()
    assert held_out is not None
    assert held_out.images.shape == (1, 4, 4, 3)


def test_no_test_split(tmp_path: Path) -> None:
    write(tmp_path / "1.png", pixels(0))
    assert "no test split" in refusal(tmp_path, split="test").message
    np.savez(tmp_path / "a.npz", pixels(0, 2, 4, 4))
    assert "no test split" in refusal(f"{tmp_path / 'a.npz'}:test").message


def test_an_unknown_split() -> None:
    with pytest.raises(GenctlError, match="unknown split 'tets'; did you mean 'test'"):
        open_source("digits", split="tets")


def rgba(alpha: int) -> Pixels:
    image = pixels(3, 6, 8, 4)
    image[..., 3] = alpha
    return image


@pytest.mark.parametrize(
    ("arrays", "channels"),
    [
        ([pixels(0, 6, 8), pixels(1, 6, 8)], 1),
        ([pixels(0, 6, 8), pixels(1, 6, 8, 3)], 3),
        ([pixels(0, 6, 8), rgba(255)], 3),
        ([pixels(0, 6, 8), rgba(254)], 4),
    ],
)
def test_channels_are_what_is_found(tmp_path: Path, arrays: list[Pixels], channels: int) -> None:
    for k, array in enumerate(arrays):
        write(tmp_path / f"{k}.png", array)
    opened = open_source(str(tmp_path))
    assert opened.images.shape == (2, 6, 8, channels)
    grey = np.broadcast_to(arrays[0][..., None], (6, 8, min(channels, 3)))
    assert np.array_equal(opened.images[0, ..., :3], grey)
    if channels > 1:
        assert np.array_equal(opened.images[1, ..., :channels], arrays[1][..., :channels])


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    deep = np.array([[0, 128, 129, 257, 65535, 40000]], np.uint16)
    write(tmp_path / "a.png", deep)
    write(tmp_path / "b.tiff", deep)
    opened = open_source(str(tmp_path))
    assert opened.images.shape == (2, 1, 6, 1)
    assert opened.images[:, 0, :, 0].tolist() == [[0, 0, 1, 1, 255, 156]] * 2


def test_a_palette_may_be_grey_coloured_or_transparent(tmp_path: Path) -> None:
    grey = Image.fromarray(pixels(0, 6, 8))
    for name, image in {
        "grey": grey,
        "coloured": Image.fromarray(pixels(1)).quantize(8),
    }.items():
        (tmp_path / name).mkdir()
        image.save(tmp_path / name / "1.gif")
    assert np.array_equal(open_source(str(tmp_path / "grey")).images[0, ..., 0], np.asarray(grey))
    coloured = open_source(str(tmp_path / "coloured")).images[0]
    assert np.array_equal(
        coloured, np.asarray(Image.fromarray(pixels(1)).quantize(8).convert("RGB"))
    )
    Image.fromarray(pixels(1)).quantize(8).save(tmp_path / "coloured" / "1.gif", transparency=0)
    assert open_source(str(tmp_path / "coloured")).images.shape == (1, 6, 8, 4)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    ink = np.zeros((4, 4, 4), np.uint8)
    ink[..., 0] = 255
    Image.fromarray(ink, "CMYK").save(tmp_path / "cyan.tif")
    assert open_source(str(tmp_path)).images[0, 0, 0].tolist() == [0, 255, 255]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [None, (8, 4)])
def test_images_are_turned_upright(
    tmp_path: Path, suffix: str, orientation: int, size: tuple[int, int] | None
) -> None:
    upright = np.zeros((16, 8), np.uint8)
    upright[:8, :4] = 255  # the top left quarter
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == ".webp" else {}
    write(tmp_path / f"a{suffix}", np.ascontiguousarray(stored), exif=exif, **options)
    image = open_source(str(tmp_path), size=size, channels=1).images[0, ..., 0]
    if size is None:
        assert np.abs(image.astype(int) - upright).max() < 30
    else:
        assert image.shape == size
        assert image[1, 1] > 200
        assert image[[1, 6, 6], [3, 1, 3]].max() < 50


def test_a_size_crops_the_centre_and_antialiases(tmp_path: Path) -> None:
    wide = np.zeros((64, 128, 3), np.uint8)
    wide[:, 32:96] = np.indices((64, 64)).sum(0)[..., None] % 2 * 255  # the finest chequers
    write(tmp_path / "a.png", wide)
    write(tmp_path / "b.png", np.full((20, 9, 3), 7, np.uint8))
    images = open_source(str(tmp_path), size=(16, 16)).images
    assert np.abs(images[0].astype(int) - 127).max() < 10
    assert (images[1] == 7).all()


def test_transparency_asked_for_without_alpha_is_white(tmp_path: Path) -> None:
    image = rgba(255)
    image[:3, :, 3] = 0
    write(tmp_path / "a.png", image)
    opened = open_source(str(tmp_path), channels=3).images[0]
    assert (opened[:3] == 255).all()
    assert np.array_equal(opened[3:], image[3:, :, :3])


def test_channels_that_images_do_not_have(tmp_path: Path) -> None:
    with pytest.raises(GenctlError, match="1, 3 or 4 channels, not 2") as refused:
        open_source("digits", channels=2)
    assert refused.value.code == ExitStatus.USAGE


def test_mixed_sizes_name_two_files(tmp_path: Path) -> None:
    write(tmp_path / "大" / "a.png", pixels(0, 6, 8))
    write(tmp_path / "小" / "b.png", pixels(0, 4, 5))
    error = refusal(tmp_path)
    assert "大/a.png is 6x8, 小/b.png is 4x5" in error.message
    assert error.hint == "size=64 crops and resizes all of them"


def truncated(image: Pixels, share: float = 0.6) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()[: int(share * len(buffer.getvalue()))]


def test_a_truncated_png_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(truncated(pixels(0)))
    message = refusal(tmp_path).message
    assert "cannot read 1 of 1 images" in message
    assert "a.png: " in message
    assert "truncated" in message


def test_damaged_files_among_others_are_named_and_left_out(tmp_path: Path) -> None:
    for k in range(40):
        write(tmp_path / f"{k}.png", np.full((6, 8), k, np.uint8))
    (tmp_path / "1.png").write_bytes(truncated(pixels(0)))
    (tmp_path / "2.png").write_bytes(b"hello")
    opened = open_source(str(tmp_path))
    assert opened.images[:, 0, 0, 0].tolist() == [0, *range(3, 40)]
    assert sorted(line.split(":")[0] for line in opened.skipped) == ["1.png", "2.png"]
    assert str(tmp_path) not in "".join(opened.skipped)


def test_labels_stay_with_their_images(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / name / "1.png", pixels(ord(name), 6, 8))
    (tmp_path / "b" / "1.png").write_bytes(truncated(pixels(0)))
    opened = open_source(str(tmp_path))
    assert opened.labels is not None
    assert opened.labels.tolist() == [0, 2]
    assert np.array_equal(opened.images[1, ..., 0], pixels(ord("c"), 6, 8))


def test_more_than_one_in_twenty_damaged(tmp_path: Path) -> None:
    for k in range(39):
        write(tmp_path / f"{k}.png", pixels(k))
    for k in (1, 2):
        (tmp_path / f"{k}.png").write_bytes(b"hello")
    error = refusal(tmp_path)
    assert "cannot read 2 of 39 images" in error.message
    assert error.hint == f'genctl.clean("{tmp_path}", out=FOLDER) leaves them out'


def test_mostly_damaged(tmp_path: Path) -> None:
    for k in range(9):
        (tmp_path / f"{k}.png").write_bytes(b"hello")
    write(tmp_path / "9.png", pixels(0))
    message = refusal(tmp_path).message
    assert "cannot read 9 of 10 images" in message
    assert message.endswith("and 6 more")


def test_a_decompression_bomb_is_damage(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))
    (tmp_path / "bomb.png").write_bytes(bomb)
    assert "more than 89,478,485 pixels" in refusal(tmp_path).message


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
@settings(max_examples=30)
@given(data=st.data())
def test_no_damage_is_a_traceback(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels(0)).save(buffer, kind)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    root = tmp_path_factory.mktemp("damaged")
    (root / "a.png").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    write(root / "b.png", pixels(0))
    assert len(open_source(str(root), size=(6, 8)).images) in (1, 2)
