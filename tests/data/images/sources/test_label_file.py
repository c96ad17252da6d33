"""``labels.csv`` and ``dataset.json``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from genctl.data.images.open_source import open_source
from tests.data.pictures import pixels, refusal, write


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
        ("dataset.json", "[" * 100_000, "nested too deeply"),
        ("dataset.json", "[", "Expecting value"),
    ],
)
def test_files_that_do_not_fit(folder: Path, name: str, text: str, reason: str) -> None:
    (folder / name).write_text(text, "utf-8")
    assert reason in refusal(folder).message
