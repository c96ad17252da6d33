"""What is not read of a folder or ZIP is counted by kind, and nothing else is lost."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import features

from genctl.data.images import decode
from genctl.data.images.check import check_images
from genctl.data.images.clean import clean_data
from genctl.data.images.open_source import open_source
from genctl.data.images.open_stream import open_stream
from tests.data.pictures import pixels, refusal, write


def folder(root: Path, *paths: str) -> Path:
    for number, path in enumerate(paths):
        write(root / path, pixels(number))
    return root


def fifo(root: Path) -> None:
    os.mkfifo(root / "pipe.png")


def dead_link(root: Path) -> None:
    (root / "more").symlink_to(root / "nowhere")


def second_link(root: Path) -> None:
    (root / "again").symlink_to(root / "a")


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
@pytest.mark.parametrize(
    ("spoil", "kind", "count"),
    [
        (lambda root: (root / "a.CR2").write_bytes(b"x"), ".cr2", 1),
        (lambda root: (root / "b" / "labels.csv").write_bytes(b"x"), ".csv", 1),
        (lambda root: (root / "a" / "Makefile").write_bytes(b"x"), "without a suffix", 1),
        (lambda root: shutil.make_archive(str(root / "a" / "more"), "zip", root / "b"), ".zip", 1),
        (lambda root: folder(root, ".thumbs/1.png", "a/.2.png"), "hidden", 2),
        (dead_link, "links that lead nowhere", 1),
        (second_link, "linked folders that are read already", 1),
        (fifo, "neither files nor folders", 1),
        (lambda root: folder(root, "cover.png"), "beside the class folders (a; b)", 1),
    ],
)
def test_each_kind_is_counted(
    tmp_path: Path, spoil: Callable[[Path], object], kind: str, count: int
) -> None:
    root = folder(tmp_path / "d", *(f"{name}/{k}.png" for name in "ab" for k in range(3)))
    before = open_source(str(root))
    spoil(root)
    opened = open_source(str(root))
    assert opened.fingerprint == before.fingerprint
    assert opened.left_out == {kind: count}
    found = check_images(str(root))
    said = [line for section in found.sections for line in section.warnings]
    assert f"train: left out {count} of {6 + count} files: {count} {kind}" in said
    assert open_stream(str(root), 0).read([0]).remarks == (
        f"leave out {count} of {6 + count} files: {count} {kind}",
    )


def test_what_belongs_to_the_images_is_not_left_out(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", "1.png", "2.png")
    for name in (
        "1.txt",
        "._1.png",
        ".git/x",
        ".DS_Store",
        "__MACOSX/._1.png",
        "Thumbs.db",
        "desktop.ini",
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    (root / "labels.csv").write_text("file,label\n1.png,a\n2.png,b\n")
    assert open_source(str(root)).left_out == {}
    clean_data(str(root), tmp_path / "c")
    assert open_source(str(tmp_path / "c")).left_out == {}


def test_folders_without_images_beside_the_only_folder(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", "images/a/1.png", "images/b/1.png")
    for name in ("annotations/1.xml", "README.md"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    for source in (str(root), shutil.make_archive(str(root), "zip", root)):
        opened = open_source(source)
        assert (opened.class_names, opened.left_out) == (("a", "b"), {".xml": 1, ".md": 1})


def test_many_images_beside_folders_mean_no_classes_and_that_is_said(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", "a/1.png", "b/1.png", "1.png", "2.png")
    opened = open_source(str(root))
    assert (opened.class_names, len(opened.images)) == ((), 4)
    (note,) = opened.notes
    assert note.startswith("no classes, because 2 images are beside the folders a; b")


@pytest.mark.parametrize("suffix", [".jfif", ".JPE", ".avif"])
def test_more_formats(tmp_path: Path, suffix: str) -> None:
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    form = {"format": "JPEG"} if suffix != ".avif" else {}
    write(tmp_path / f"a{suffix}", pixels(0), **form)
    assert open_source(str(tmp_path)).images.shape == (1, 6, 8, 3)


def test_a_format_without_its_plug_in_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "SUFFIXES", (".png",))
    (tmp_path / "1.HEIC").write_bytes(b"x")
    assert "1 .heic (to read them: pip install pillow-heif)" in refusal(tmp_path).message
    folder(tmp_path, "2.png")
    assert list(open_source(str(tmp_path)).left_out) == [
        ".heic (to read them: pip install pillow-heif)"
    ]


def test_members_of_the_same_name_are_counted(tmp_path: Path) -> None:
    picture = write(tmp_path / "a.png", pixels(0)).read_bytes()
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("a.png", picture)
        archive.writestr("b.png", picture)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", picture)
    opened = open_source(str(tmp_path / "d.zip"))
    assert len(opened.images) == 2
    assert opened.left_out == {"replaced by later members of the same names": 1}
