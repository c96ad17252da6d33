"""Splits of a folder or ZIP, and what lies beside them."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

import genctl
from genctl.data.images.check import check_images
from genctl.data.images.open_source import open_source
from genctl.errors import ExitStatus, GenctlError
from tests.data.pictures import pixels, refusal, write


def made(root: Path, *folders: str) -> Path:
    for number, folder in enumerate(folders):
        for place in range(2):
            write(root / folder / f"{place}.png", pixels(10 * number + place))
    return root


def said_by_check(source: str) -> str:
    found = check_images(source).sections
    return "\n".join(line for s in found for line in (*s.facts.values(), *s.warnings))


def forms(root: Path) -> list[str]:
    return [str(root), shutil.make_archive(str(root), "zip", root)]


def test_images_beside_the_splits_are_counted_and_named(tmp_path: Path) -> None:
    for source in forms(made(tmp_path / "d", "train", "test", "val", "")):
        opened = open_source(source)
        assert len(opened.images) == 2
        assert opened.left_out == {
            "in the folder val, held out as well": 2,
            "in no folder, beside the splits": 2,
        }
        assert "left out 4 of 6 files: " in said_by_check(source)


def test_a_file_of_labels_beside_the_splits_is_refused(tmp_path: Path) -> None:
    root = made(tmp_path / "d", "train", "test")
    (root / "labels.csv").write_text("file,label\ntrain/0.png,a\n")
    for source in forms(root):
        error = refusal(source)
        assert "its labels would not be read" in error.message
        assert "train" in error.hint


@pytest.mark.parametrize("name", ["val", "Validation", "dev"])
def test_validation_images_are_never_trained_on(tmp_path: Path, name: str) -> None:
    for source in forms(made(tmp_path / "d", "train", name)):
        opened = open_source(source)
        assert (len(opened.images), opened.class_names) == (2, ())
        held_out = opened.held_out()
        assert held_out is not None
        assert (held_out.images[0] == pixels(10)).all()


def test_of_two_files_of_labels_the_csv_is_read(tmp_path: Path) -> None:
    root = made(tmp_path / "d", "")
    (root / "labels.csv").write_text("file,label\n0.png,a\n1.png,b\n")
    (root / "dataset.json").write_text('{"labels": [["0.png", 1], ["1.png", 0]]}')
    assert [open_source(source).class_names for source in forms(root)] == [("a", "b")] * 2
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        for name in ("labels.csv", "dataset.json", "0.png", "1.png"):
            archive.write(root / name, name)
    assert open_source(str(tmp_path / "e.zip")).class_names == ("a", "b")


def test_labels_find_names_whose_accents_macos_split_off(tmp_path: Path) -> None:
    write(tmp_path / "cafe\u0301.png", pixels(0))
    write(tmp_path / "b.png", pixels(1))
    (tmp_path / "labels.csv").write_text("file,label\ncaf\u00e9.png,one\nb.png,two\n", "utf-8")
    assert open_source(str(tmp_path)).class_names == ("one", "two")


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
def test_the_name_of_the_data_itself_must_be_in_utf8(tmp_path: Path) -> None:
    write(tmp_path / "d" / "0.png", pixels(0))
    one = os.fsdecode(os.fsencode(tmp_path) + b"/" + "狗".encode("gbk"))
    os.rename(tmp_path / "d", one)
    with pytest.raises(GenctlError, match="is not in UTF-8"):
        check_images(one)
    with pytest.raises(GenctlError, match="is not in UTF-8"):
        genctl.train("gan", data=one, budget="1steps", out=tmp_path / "run")
    with pytest.raises(GenctlError, match="is not in UTF-8") as refused:
        genctl.train("gan", budget="1steps", out=one)
    assert refused.value.code == ExitStatus.USAGE


def test_no_image_is_lost_because_of_its_name(tmp_path: Path) -> None:
    for number, name in enumerate(("__001.png", "2.png", "3.png")):
        write(tmp_path / "data" / name, pixels(number))
    packed = shutil.make_archive(str(tmp_path / "d"), "zip", tmp_path, "data")
    assert len(open_source(packed).images) == len(open_source(str(tmp_path / "data")).images) == 3


def test_one_damaged_image_of_one_is_refused_by_check_and_training(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"damaged")
    refusal(tmp_path)
    assert check_images(str(tmp_path)).unusable


def test_a_preview_leaves_damaged_images_out(tmp_path: Path) -> None:
    made(tmp_path / "d", "")
    (tmp_path / "d" / "0.bmp").write_bytes(b"damaged")
    preview = tmp_path / "p.png"
    assert check_images(str(tmp_path / "d"), preview).preview == preview
    assert preview.exists()
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "0.bmp").write_bytes(b"damaged")
    assert check_images(str(tmp_path / "none"), preview).preview is None
