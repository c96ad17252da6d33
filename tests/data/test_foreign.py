"""Names and texts of other systems."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genctl.contracts import DataSpec
from genctl.data.foreign import decoded, readable, unpacked_name
from genctl.data.images.check import check_images
from genctl.data.images.clean import clean_data
from genctl.data.images.open_source import open_source
from genctl.outputs.base import class_number
from genctl.outputs.images.samples import ImageSamples
from tests.command_line import Type
from tests.data.pictures import pixels, refusal, write

linux = pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("猫".encode(), "猫"),
        ("熊猫".encode("gbk"), "熊猫"),
        ("朱镕".encode("gbk"), "朱镕"),
        (b"caf\xe9", "caf%E9"),
        (b"caf\xe9s 100%", "caf%E9s 100%25"),
        (b"Gr\xfc\xdfe", "Gr%FC%DFe"),
        (b"100%", "100%"),
    ],
)
def test_a_name_of_the_file_system(content: bytes, name: str) -> None:
    assert readable(os.fsdecode(content)) == name


@settings(max_examples=40)
@given(st.binary(min_size=1, max_size=20))
def test_every_name_can_be_written_and_most_give_the_bytes_back(content: bytes) -> None:
    name = os.fsdecode(content)
    shown = readable(name)
    shown.encode()
    if shown != name and shown.isascii():
        assert unquote_to_bytes(shown) == content


def test_half_a_character_of_json() -> None:
    assert readable("\ud800") == "%ED%A0%80"


def test_names_in_a_zip() -> None:
    for encoding in ("gbk", "utf-8", "cp437"):
        name = "é" if encoding == "cp437" else "熊猫"
        assert unpacked_name(name.encode(encoding).decode("cp437"), False) == name
    assert unpacked_name("猫", True) == "猫"


def test_texts_of_several_systems() -> None:
    for encoding, guessed in (
        ("utf-8-sig", ""), ("utf-16", ""), ("gbk", "GBK"),
    ):  # fmt: skip
        assert decoded("文件;标签".encode(encoding)) == ("文件;标签", guessed)
    assert decoded("Grüße, 3 €".encode("cp1252")) == ("Grüße, 3 €", "Windows-1252")
    with pytest.raises(ValueError, match="not UTF-8"):
        decoded(b"\x81\x8d")


def renamed(root: Path, names: dict[str, bytes]) -> Path:
    for old, new in names.items():
        os.rename(root / old, os.fsencode(root) + b"/" + new)
    return root


@linux
def test_classes_in_other_encodings_go_from_training_to_samples(
    type_: Type, tmp_path: Path
) -> None:
    for number in range(6):
        write(tmp_path / "d" / "ab"[number % 2] / f"{number}.png", pixels(number, 8, 8))
    renamed(tmp_path / "d", {"a": b"caf\xe9", "b": "熊猫".encode("gbk")})
    names = ("caf%E9", "熊猫")
    assert open_source(str(tmp_path / "d")).class_names == names
    checked = type_("data", "check", str(tmp_path / "d"))
    assert (checked.code, "熊猫" in checked.out) == (0, True)
    trained = type_(
        "train", "gan", "--data", str(tmp_path / "d"), "--preset", "mlp", "--budget", "1steps",
        "--evaluations", "0", "--batch-size", "4", "--threads", "1", "--out", str(tmp_path / "r"),
    )  # fmt: skip
    assert trained.code == 0, trained.err
    data = DataSpec.from_json(json.loads((tmp_path / "r" / "data.json").read_text("utf-8")))
    assert data.class_names == names
    samples = ImageSamples(pixels(0, 2, 8, 8, 3), np.arange(2), data.class_names)
    assert open_source(str(samples.save(tmp_path / "faces"))).class_names == names
    assert type_("data", "label", str(tmp_path / "d"), "--pattern", "(.*)/").code == 0
    assert open_source(str(tmp_path / "d")).class_names == names
    clean_data(str(tmp_path / "d"), tmp_path / "c")
    assert open_source(str(tmp_path / "c")).class_names == names


@linux
def test_two_names_that_read_the_same_are_refused(tmp_path: Path) -> None:
    for number, name in enumerate(("a.png", "caf%E9.png")):
        write(tmp_path / name, pixels(number))
    renamed(tmp_path, {"a.png": b"caf\xe9.png"})
    assert "both read 'caf%E9.png'" in refusal(tmp_path).message


def test_control_characters_in_names_do_not_reach_the_terminal(type_: Type, tmp_path: Path) -> None:
    for name in ("[red]a\x1b[31m", "b\nc"):
        write(tmp_path / name / "0.png", pixels(len(name)))
    said = type_("data", "check", str(tmp_path))
    assert "[red]a\\x1b[31m" in said.out
    assert "\x1b" not in said.out
    assert "b\\nc" in said.out
    assert check_images(str(tmp_path)).warnings


def test_a_class_is_found_by_the_bytes_of_its_folder() -> None:
    assert class_number(os.fsdecode(b"caf\xe9"), ("a", "caf%E9")) == 1
