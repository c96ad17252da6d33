"""Cleaning: no image and no caption is lost or replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genctl.data.images.clean import clean_data
from genctl.data.images.open_source import open_source
from tests.data.pictures import pixels, write


def test_each_image_gets_a_name_of_its_own(tmp_path: Path) -> None:
    names = ("a.bmp", "a.png", "a.PNG", "b-png.png", "b.bmp", "b.png")
    for number, name in enumerate(names):
        write(tmp_path / "d" / name, pixels(number))
    done = clean_data(str(tmp_path / "d"), tmp_path / "c")
    written = [path.name for path in (tmp_path / "c").rglob("*.png")]
    assert (done.kept, len({name.casefold() for name in written})) == (6, 6)
    before, after = (np.unique(open_source(str(tmp_path / name)).images, axis=0) for name in "dc")
    assert np.array_equal(before, after)


def test_captions_are_copied_byte_by_byte(tmp_path: Path) -> None:
    captions = {"0": "一只狗".encode("gbk"), "1": "狗".encode() * 30_000, "2": b" a dog \r\n"}
    for name, content in captions.items():
        write(tmp_path / "d" / f"{name}.png", pixels(int(name)))
        (tmp_path / "d" / f"{name}.txt").write_bytes(content)
    clean_data(str(tmp_path / "d"), tmp_path / "c")
    assert {p.stem: p.read_bytes() for p in (tmp_path / "c").glob("*.txt")} == captions


def test_what_is_not_copied_is_said(tmp_path: Path) -> None:
    for number, name in enumerate(("train/a", "train/b", "val/a", "test/b")):
        write(tmp_path / "d" / name / "0.png", pixels(number))
    (tmp_path / "d" / "train" / "raw.cr2").write_bytes(b"x")
    done = clean_data(str(tmp_path / "d"), tmp_path / "c")
    assert done.notes == ["left out 2 of 4 files: 1 .cr2, 1 in the folder val, held out as well"]
