"""Splits under their usual names, in folders and ZIPs: held-out images are never trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from genctl.data.images.check import check_images
from genctl.data.images.open_source import open_source
from genctl.data.images.sources.split_names import arrange, chosen
from tests.command_line import Type
from tests.data.pictures import pixels, refusal, write

CLASSES = ("cat", "dog")


def made(root: Path, folders: str) -> list[str]:
    """Two images in each of the folders; the place, and a ZIP of it."""
    for number, folder in enumerate(folders.split()):
        for place in range(2):
            write(root / folder / f"{place}.png", pixels(10 * number + place))
    return [str(root), shutil.make_archive(str(root), "zip", root)]


@pytest.mark.parametrize(
    ("folders", "train", "held_out"),
    [
        ("train/cat train/dog val/cat val/dog", 4, 4),
        ("Train/cat Train/dog Test/cat Test/dog", 4, 4),
        ("TRAINING/cat TRAINING/dog Valid/dog", 4, 2),
        ("train/cat train/dog dev/cat validation/cat", 4, 2),
        ("train/cat train/dog test", 4, 2),
        ("cat dog val/cat val/dog", 4, 4),
        ("cat dog test/dog", 4, 2),
        ("cat dog Validation", 4, 2),
        ("cat dog val test", 4, 2),
        ("set/Train/cat set/Train/dog set/dev/dog", 4, 2),
        ("train/x/y/cat train/x/y/dog val/x/y/dog", 4, 2),
        ("a/b/cat a/b/dog a/b/val/cat", 4, 2),
        ("cat/train cat/val dog/train dog/test", 4, 4),
        ("cat/Training cat/Testing dog", 4, 2),
        ("train/cat train/dog", 4, 0),
        ("only/cat only/dog", 4, 0),
    ],
)
def test_classes_are_never_splits(tmp_path: Path, folders: str, train: int, held_out: int) -> None:
    for source in made(tmp_path / "d", folders):
        opened = open_source(source)
        rest = opened.held_out()
        assert (opened.class_names, len(opened.images)) == (CLASSES, train)
        assert (0 if rest is None else len(rest.images)) == held_out
        assert opened.labels is not None
        assert ("held out" in opened.splits) == (held_out > 0 or "train/" in folders)


@pytest.mark.parametrize(
    ("folders", "name"), [("cat dog test", "test"), ("bus car train", "train"), ("a Test", "Test")]
)
def test_a_class_with_the_name_of_a_split_stays_and_is_said(
    tmp_path: Path, folders: str, name: str
) -> None:
    for source in made(tmp_path / "d", folders):
        opened = open_source(source)
        assert opened.class_names == tuple(sorted(folders.split(), key=str.casefold))
        assert len(opened.images) == 2 * len(folders.split())
        assert f"the folder {name} is read as a class" in " ".join(opened.notes)
        said = [line for section in check_images(source).sections for line in section.warnings]
        assert any(f"the folder {name} is read as a class" in line for line in said)


def test_a_place_with_held_out_images_alone(tmp_path: Path) -> None:
    for source in made(tmp_path / "d", "val/cat test/cat"):
        assert "has only held-out images" in refusal(source).message
        assert len(open_source(f"{source}:test").images) == 2
    for source in made(tmp_path / "e", "val/cat val/dog"):
        assert open_source(source).notes == ("the only folder is val: its images are trained on",)


def test_an_empty_folder_of_training_images_is_not_replaced_by_another(tmp_path: Path) -> None:
    (source, _) = made(tmp_path / "d", "val/cat val/dog")
    (tmp_path / "d" / "Train").mkdir()
    assert f"no images in {source}/Train" in refusal(source).message


def test_names_that_differ_in_case_and_unused_splits(tmp_path: Path) -> None:
    assert chosen(["Train", "train", "VAL", "dev"]) == {"train": "train", "test": "VAL"}
    (source, _) = made(tmp_path / "d", "train/cat train/dog test/cat val/cat more/cat")
    assert open_source(source).left_out == {
        "in the folder val, held out as well": 2,
        "in the folder more beside the splits": 2,
    }


def test_a_file_of_labels_for_class_folders_beside_val(tmp_path: Path) -> None:
    made(tmp_path / "d", "cat dog val")
    rows = "".join(f"{c}/{k}.png,{c}!\n" for c in CLASSES for k in range(2))
    for more, labelled in (("", False), ("val/0.png,cat!\nval/1.png,dog!\n", True)):
        (tmp_path / "d" / "labels.csv").write_text(f"file,label\n{rows}{more}")
        opened = open_source(str(tmp_path / "d"))
        held_out = opened.held_out()
        assert (opened.class_names, len(opened.images)) == (("cat!", "dog!"), 4)
        assert held_out is not None
        assert (held_out.labels is not None) == labelled


def test_rows_of_labels_name_splits(tmp_path: Path) -> None:
    made(tmp_path / "d", ".")
    made(tmp_path / "d", "more")
    (tmp_path / "d" / "labels.csv").write_text(
        "file,label,split\n0.png,a,Train\n1.png,b,train\nmore/0.png,a,val\nmore/1.png,a,other\n"
    )
    (tmp_path / "d" / "0.txt").write_text("a caption")
    opened = open_source(str(tmp_path / "d"))
    held_out = opened.held_out()
    assert held_out is not None
    assert (len(opened.images), len(held_out.images), opened.class_names) == (2, 1, ("a", "b"))
    assert opened.left_out == {"in the split 'other' by labels.csv": 1}


def test_training_says_splits_and_what_is_left_out(type_: Type, tmp_path: Path) -> None:
    (source, _) = made(tmp_path / "d", "Train/cat Train/dog Dev/cat")
    write(tmp_path / "d" / "Train" / "cover.png", pixels(99))
    (tmp_path / "d" / "Train" / "raw.cr2").write_bytes(b"x")
    said = type_(
        "train", "gan", "--data", source, "--preset", "mlp", "--budget", "1steps", "--threads", "1",
        "--evaluations", "0", "--batch-size", "4", "--out", str(tmp_path / "r"),
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "splits: 4 images of Train to train on, 2 of Dev held out\n" in said.err
    assert (
        "warning: left out 2 of 6 files: 1 .cr2, 1 beside the class folders (cat; dog)\n"
        in said.err
    )
    data = json.loads((tmp_path / "r" / "data.json").read_text("utf-8"))
    assert data["examples"] == 4
    assert tuple(data["features"]["label"]["names"]) == CLASSES
    checked = type_("data", "check", source)
    assert "train: left out 2 of 6 files" in checked.out
    assert "2 images, held out: Dev" in checked.out


def test_no_files_at_all() -> None:
    assert arrange([], []).splits == {"train": {}}
