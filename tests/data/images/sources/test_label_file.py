"""``labels.csv`` and ``dataset.json``."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from genctl.data.images.open_source import open_source
from tests.data.pictures import pixels, refusal, write

Form = Literal["NFC", "NFD"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "图"
    for name in ("1.png", "2.png", "子/3.png"):
        write(root / name, pixels(len(name)))
    return root


@pytest.mark.parametrize(
    "text",
    [
        "file,label\n1.png,猫\n2.png,狗\n子/3.png,猫\n",
        "\ufeffLabel,File,note\r\n猫,1.png,x\r\n狗,2.png,\r\n猫,子/3.png,\r\n",
        "file_name,class\n2.png,狗\n1.png,猫\n子/3.png,猫\ngone.png,狗\n",
    ],
)
def test_a_csv_gives_the_classes(folder: Path, text: str) -> None:
    (folder / "labels.csv").write_text(text, "utf-8")
    opened = open_source(str(folder))
    assert opened.class_names == ("狗", "猫")
    assert opened.labels is not None
    assert [opened.class_names[k] for k in opened.labels] == ["猫", "狗", "猫"]
    packed = shutil.make_archive(str(folder), "zip", folder)
    assert open_source(packed).fingerprint == opened.fingerprint


def test_a_csv_in_no_known_encoding_says_so(folder: Path) -> None:
    (folder / "labels.csv").write_bytes(b"file,label\n1.png,\x81\n")
    error = refusal(str(folder))
    assert (
        "labels.csv: it is not UTF-8, as byte 17 is not the start of a character" in error.message
    )


def test_dataset_json_gives_numbers(folder: Path) -> None:
    pairs = [["1.png", 10], ["2.png", 2], ["子/3.png", 2]]
    (folder / "dataset.json").write_text(json.dumps({"labels": pairs}), "utf-8")
    opened = open_source(str(folder))
    assert opened.class_names == ("2", "10")
    assert opened.labels is not None
    assert opened.labels.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("labels.csv", "a,b\n1,2\n", "not a header with file and label"),
        ("labels.csv", "", "not a header with file and label"),
        ("labels.csv", "file,label\n1.png,猫\n", "2 images have no label in it: 2.png; 子/3.png"),
        ("labels.csv", "file,label\n1.png\n2.png,\n子/3.png,猫\n", "2 images have no label"),
        ("dataset.json", '{"labels": [["1.png", [0.5, 1]]]}', "its labels are vectors"),
        ("dataset.json", "[" * 100_000, "nested too deeply"),
        ("dataset.json", "[", "Expecting value"),
    ],
)
def test_files_that_do_not_fit(folder: Path, name: str, text: str, reason: str) -> None:
    (folder / name).write_text(text, "utf-8")
    assert reason in refusal(folder).message


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gbk"])
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_a_csv_as_excel_writes_it(folder: Path, mark: str, encoding: str, end: str) -> None:
    rows = [
        f"文件名{mark}标签",
        f'"1.png"{mark}"猫"',
        f"2.png{mark}狗",
        "",
        f"子\\3.png{mark}猫",
        f".\\2.png{mark}狗",
    ]
    (folder / "labels.csv").write_bytes(end.join(rows).encode(encoding))
    opened = open_source(str(folder))
    assert opened.class_names == ("狗", "猫")
    assert opened.labels is not None
    assert opened.labels.tolist() == [1, 0, 1]
    assert any("was read as GBK" in note for note in opened.notes) == (encoding == "gbk")


def test_a_line_for_excel_alone_and_a_western_code_page(folder: Path) -> None:
    text = 'sep=;\r\nFile;Label\r\n1.png;"Café; ""5"" €"\r\n2.png;b\r\n子/3.png;b\r\n'
    (folder / "labels.csv").write_text(text, "utf-8")
    assert open_source(str(folder)).class_names == ("b", 'Café; "5" €')
    (folder / "子" / "3.png").unlink()
    (folder / "labels.csv").write_bytes(text.replace("子/3", "3").encode("cp1252"))
    opened = open_source(str(folder))
    assert opened.class_names == ("b", 'Café; "5" €')
    assert opened.notes == ("labels.csv is not in UTF-8, and was read as Windows-1252",)


@pytest.mark.parametrize(("of_file", "of_row"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_accents_in_either_form(tmp_path: Path, of_file: Form, of_row: Form) -> None:
    for number, name in enumerate(("é", "ñ/ü")):
        write(tmp_path / f"{unicodedata.normalize(of_file, name)}.png", pixels(number))
    rows = unicodedata.normalize(of_row, "é.png,x\nñ/ü.png,y\n")
    (tmp_path / "labels.csv").write_text(f"file,label\n{rows}", "utf-8")
    assert open_source(str(tmp_path)).class_names == ("x", "y")


def test_rows_that_contradict_are_counted_and_rows_that_agree_are_fine(folder: Path) -> None:
    good = "file,label\n1.png,a\n2.png,b\n子/3.png,b\n./1.png,a\ngone.png,a\ngone.png,b\n"
    (folder / "labels.csv").write_text(good, "utf-8")
    assert open_source(str(folder)).class_names == ("a", "b")
    (folder / "labels.csv").write_text(f"{good}2.png,c\n子/3.png,c\n", "utf-8")
    assert refusal(folder).message.endswith(
        "rows contradict each other: 2 images with two labels: "
        "2.png is 'b' in row 3 and 'c' in row 8"
    )


@pytest.mark.parametrize("split", ["", "train/"])
def test_stylegan_writes_null_for_no_classes(tmp_path: Path, split: str) -> None:
    for number in range(4):
        write(tmp_path / f"{split}0000{number // 2}" / f"{number}.png", pixels(number))
    (tmp_path / split / "dataset.json").write_text('{"labels": null}')
    opened = open_source(str(tmp_path))
    assert (len(opened.images), opened.labels, opened.class_names) == (4, None, ())
    assert opened.left_out == {}


def test_a_label_of_null_is_no_label(folder: Path) -> None:
    (folder / "dataset.json").write_text('{"labels": [["1.png", 1], ["2.png", null]]}')
    assert "2 images have no label in it: 2.png; 子/3.png" in refusal(folder).message
