"""Images in a ZIP: the same as in a folder, and nothing that leads out of it."""

from __future__ import annotations

import gc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from genctl.data.images.open_source import open_source
from genctl.data.images.open_stream import open_stream
from genctl.data.images.sources import zip_file as zipped
from tests.data.pictures import pixels, refusal, write


def pack(folder: Path, path: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{prefix}{file.relative_to(folder).as_posix()}")
    return path


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Two splits of two classes, one of them with a Chinese name."""
    root = tmp_path / "动物"
    for number in range(12):
        split = "train" if number < 8 else "test"
        write(root / split / ("猫", "dog")[number % 2] / f"{number}.png", pixels(number))
    return root


@pytest.mark.parametrize("prefix", ["", "动物/"])
def test_a_zip_is_read_like_the_folder_it_was_made_of(
    classes: Path, tmp_path: Path, prefix: str
) -> None:
    path = pack(classes, tmp_path / "动物.zip", prefix)
    for split in ("train", "test"):
        packed, plain = (open_source(f"{source}:{split}") for source in (path, classes))
        assert packed.fingerprint == plain.fingerprint
        assert packed.class_names == plain.class_names == ("dog", "猫")
        assert packed.name == plain.name == "动物"
        streamed = open_stream(f"{path}:{split}", 0)
        assert np.array_equal(
            np.concatenate(list(streamed.read(range(99)[: streamed.count]))), plain.images
        )
    held_out = open_source(str(path)).held_out()
    assert held_out is not None
    assert len(held_out.images) == 4


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "x" / "a.png", pixels(0))
    path = pack(tmp_path / "x", tmp_path / "x.zip", "x/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/x/._a.png", b"?")
        archive.writestr("x/.hidden.png", b"?")
        archive.writestr("x/readme.txt", b"?")
    assert len(open_source(str(path)).images) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../outside.png", "leads out of it"),
        ("/etc/outside.png", "leads out of it"),
        ("a/../../outside.png", "leads out of it"),
        ("..\\outside.png", "leads out of it"),
        ("C:/outside.png", "leads out of it"),
    ],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, write(tmp_path / "a.png", pixels(0)).read_bytes())
    assert reason in refusal(path).message


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nameless.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"")
    path.write_bytes(path.read_bytes().replace(b"x", b"\0"))  # which ends a name
    assert "leads out of it" in refusal(path).message


def test_links_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "links.zip"
    info = zipfile.ZipInfo("a.png")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "'a.png' is a link" in refusal(path).message


def test_a_member_that_unpacks_to_too_much_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipped, "MAX_BYTES", 10_000)
    for number in range(3):
        write(tmp_path / "x" / f"{number}.png", pixels(number))
    path = pack(tmp_path / "x", tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(100_000))
    opened = open_source(str(path))
    assert len(opened.images) == 3
    assert opened.skipped == ("bomb.png: 100,000 bytes when unpacked",)


def test_a_damaged_zip_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    assert refusal(path).message.startswith(f"cannot take images from {path}: ")
    with zipfile.ZipFile(path, "w"):
        pass
    assert "no images in" in refusal(path).message


def test_an_archive_is_closed_with_the_last_of_its_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(zipfile.ZipFile, "__del__")  # in a cycle, the file's may run before it
    write(tmp_path / "x" / "a.png", pixels(0))
    members = zipped.members(pack(tmp_path / "x", tmp_path / "x.zip"))
    file = members[0]._archive.fp
    assert file is not None
    assert not file.closed
    members.clear()
    gc.collect()
    assert file.closed


def packed(path: Path, names: list[bytes]) -> Path:
    """A ZIP of images with these names, which are put in as bytes."""
    places = [chr(ord("A") + number) * len(name) for number, name in enumerate(names)]
    with zipfile.ZipFile(path, "w") as archive:
        for number, place in enumerate(places):
            archive.write(write(path.parent / "x.png", pixels(number)), place)
    content = path.read_bytes()
    for place, name in zip(places, names, strict=True):
        content = content.replace(place.encode(), name)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("prefix", ["", "photos\\"])
def test_backslashes_of_windows_are_slashes(tmp_path: Path, prefix: str) -> None:
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        for split in ("Train", "Val"):
            for number, name in enumerate("ab"):
                for info in (f"{prefix}{split}\\{name}\\", f"{prefix}{split}\\{name}\\0.png"):
                    made = zipfile.ZipInfo("x")
                    made.filename = info
                    content = write(tmp_path / "x.png", pixels(number)).read_bytes()
                    archive.writestr(made, b"" if info.endswith("\\") else content)
    opened = open_source(str(tmp_path / "d.zip"))
    assert (opened.class_names, len(opened.images)) == (("a", "b"), 2)
    assert opened.held_out() is not None


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "cp437"])
def test_names_without_a_declared_encoding(tmp_path: Path, encoding: str) -> None:
    names = ("café", "über") if encoding == "cp437" else ("熊猫", "老虎狗")
    path = packed(tmp_path / "d.zip", [f"{name}/0.png".encode(encoding) for name in names])
    assert set(open_source(str(path)).class_names) == set(names)
