"""``genctl data``: from a folder as people have them to one that trains."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genctl.data.images.open_source import open_source
from genctl.data.images.sets.digits import load_digits
from tests.command_line import Said, Type
from tests.data.pictures import pixels, write
from tests.data.torture import IGNORED, KEPT, UNREADABLE, make_torture


@pytest.fixture(scope="module")
def torture(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    root = tmp_path_factory.mktemp("data") / "杂物"
    return root, make_torture(root)


def those(outcomes: dict[str, str], kind: str) -> set[str]:
    return {name for name, outcome in outcomes.items() if outcome == kind}


def sections_of(said: Said) -> dict[str, dict[str, Any]]:
    return {section["title"]: section for section in said.json["sections"]}


def test_there_are_forty_kinds(torture: tuple[Path, dict[str, str]]) -> None:
    assert len(torture[1]) >= 40


def test_a_check_names_what_is_broken(type_: Type, torture: tuple[Path, dict[str, str]]) -> None:
    root, outcomes = torture
    said = type_("data", "check", str(root), "--json")
    assert said.code == 3
    assert said.json["usable"] is False
    broken, images = those(outcomes, UNREADABLE), those(outcomes, KEPT)
    assert f"{len(broken)} of {len(broken) + len(images)} images" in said.json["reason"]
    sections = sections_of(said)
    kinds, _ = sections["Files"]["warnings"]
    assert all(kind in kinds for kind in (".svg", ".txt", "hidden", "unreadable"))
    warnings = " ".join(w for section in sections.values() for w in section["warnings"])
    for words in (
        "sizes: training needs one",
        "JPEG files",
        "16 bits",
        "CMYK",
        "animated",
        "turned by the camera's tag",
        "several depths",
    ):
        assert words in warnings
    assert "copied.png = copy.png" in warnings
    human = type_("data", "check", str(root)).out
    assert human.splitlines()[-1].startswith("not usable: ")


def test_training_on_it_says_how_to_mend_it(
    type_: Type, torture: tuple[Path, dict[str, str]]
) -> None:
    root, _ = torture
    said = type_("train", "gan", "--data", str(root), "--set", "data.size=16")
    assert said.code == 3
    assert (
        f"hint: genctl data clean {shlex.quote(str(root))} --out FOLDER leaves them out" in said.err
    )


def test_cleaned_it_trains(
    type_: Type, torture: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    root, outcomes = torture
    out = tmp_path / "干净"
    said = type_("data", "clean", str(root), "--out", str(out), "--size", "16", "--json")
    assert said.code == 0, said.err
    dropped = dict(said.json["dropped"])
    assert dropped.pop("copy.png") == "a copy of copied.png"
    assert set(dropped) == those(outcomes, UNREADABLE)
    kept = those(outcomes, KEPT)
    assert said.json["kept"] == len(kept) - 1
    assert said.json == {
        "out": str(out),
        **{
            key: value
            for key, value in json.loads((out / "cleaned.json").read_text("utf-8")).items()
            if key != "source"
        },
    }
    assert "16 bits to 8" in said.json["changed"]["sixteen.png"]
    assert "its first frame" in said.json["changed"]["animated.gif"]
    assert those(outcomes, IGNORED).isdisjoint(said.json["changed"])
    assert type_("data", "check", str(out)).code == 0
    trained = type_(
        "train", "gan", "--data", str(out), "--preset", "mlp", "--budget", "2steps",
        "--evaluations", "0", "--threads", "1", "--batch-size", "8",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    again = type_("data", "clean", str(root), "--out", str(out))
    assert (again.code, "is not empty" in again.err) == (2, True)


def test_what_is_clean_is_found_so(type_: Type, tmp_path: Path) -> None:
    said = type_("data", "check", "digits", "--preview", str(tmp_path / "p.png"), "--json")
    assert said.code == 0, said.err
    assert said.json["usable"] is True
    sections = sections_of(said)
    assert sections["Classes"]["facts"]["classes"] == "10"
    assert sections["Train and test"]["facts"]["in both"].startswith("0 of 2,066")
    with Image.open(tmp_path / "p.png") as preview:
        assert preview.width == preview.height


def test_copies_overlap_and_balance(type_: Type, tmp_path: Path) -> None:
    for number in range(30):
        write(
            tmp_path / "d" / "train" / ("猫" if number < 28 else "狗") / f"{number}.png",
            pixels(number, 32, 32, 3),
        )
    write(tmp_path / "d" / "test" / "猫" / "x.png", pixels(3, 32, 32, 3))
    smooth = np.asarray(Image.fromarray(pixels(99, 8, 8, 3)).resize((32, 32), 3))
    write(tmp_path / "d" / "train" / "猫" / "smooth.png", smooth)
    write(tmp_path / "d" / "train" / "猫" / "brighter.png", (smooth // 8 * 7 + 9).astype(np.uint8))
    said = type_("data", "check", str(tmp_path / "d"), "--json")
    assert said.code == 0
    warnings = " ".join(w for s in said.json["sections"] for w in s["warnings"])
    assert "猫 has 15 times the images of 狗" in warnings
    assert "猫/x.png = 猫/3.png" in warnings
    assert "1 pairs look nearly the same: 猫/brighter.png ~ 猫/smooth.png" in warnings
    cleaned = type_(
        "data", "clean", str(tmp_path / "d"), "--out", str(tmp_path / "c"), "--near", "--json"
    ).json
    assert cleaned["dropped"] == {
        "train/猫/smooth.png": "nearly the same as train/猫/brighter.png",
        "test/猫/x.png": "a copy of train/猫/3.png",
    }


def test_labels_by_name_and_by_classifier(type_: Type, tmp_path: Path) -> None:
    images, labels = load_digits("test")
    folder = tmp_path / "数字"
    for number, (image, label) in enumerate(zip(images[:40], labels[:40], strict=True)):
        write(folder / f"{'偶' if label % 2 == 0 else '奇'}_{number:02}.png", image[..., 0])
    said = type_("data", "label", str(folder), "--pattern", "(?P<label>[^_]+)_.*", "--json")
    assert said.code == 0, said.err
    assert set(said.json["counts"]) == {"偶", "奇"}
    source = open_source(str(folder))
    assert source.class_names == ("偶", "奇")
    assert type_("data", "label", str(folder), "--by", "digits").code == 3  # it is there already
    (folder / "labels.csv").unlink()
    said = type_("data", "label", str(folder), "--by", "digits", "--json")
    assert sum(said.json["counts"].values()) == 40
    found = open_source(str(folder))
    names = sorted(path.name for path in folder.glob("*.png"))
    expected = [int(labels[int(name[2:4])]) for name in names]
    assert found.labels is not None
    assert (
        np.mean(
            [found.class_names[k] == str(e) for k, e in zip(found.labels, expected, strict=True)]
        )
        > 0.9
    )


def test_labels_by_a_classifier_of_ones_own(
    type_: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tones.py").write_text(
        "def tone(images):\n    return ['亮' if i.mean() > 127 else '暗' for i in images]\n",
        "utf-8",
    )
    for number in range(6):
        write(tmp_path / "图" / f"{number}.png", np.full((20, 20), 50 * number, np.uint8))
    monkeypatch.chdir(tmp_path)
    said = type_("data", "label", "图", "--by", "tones:tone", "--json")
    assert said.json["counts"] == {"暗": 3, "亮": 3}
    assert open_source("图").class_names == ("亮", "暗")


def test_a_run_is_no_folder_of_images(type_: Type, trained: Path) -> None:
    said = type_("data", "label", str(trained), "--by", "digits")
    assert said.code == 2
    assert "genctl sample" in said.err


def test_captions_are_counted_and_go_along(type_: Type, tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / "图" / f"{number}.png", pixels(number))
    (tmp_path / "图" / "0.txt").write_text("一只猫\n", "utf-8")
    (tmp_path / "图" / "1.txt").write_text("一只猫", "utf-8")
    (tmp_path / "图" / "2.txt").write_bytes("一只狗".encode("gbk"))
    section = sections_of(type_("data", "check", str(tmp_path / "图"), "--json"))["Captions"]
    assert section["facts"] == {"captions": "2 of 4 images", "longest": "3 letters, of 0.png"}
    assert section["warnings"] == [
        "1 captions cannot be read, are not UTF-8 or are longer than 65,536 bytes: 2.png",
        "1 without a caption: 3.png",
        "the same caption for several images: '一只猫' (2 times)",
    ]
    assert type_("data", "clean", str(tmp_path / "图"), "--out", str(tmp_path / "b")).code == 0
    assert (tmp_path / "b" / "1.txt").read_text("utf-8") == "一只猫"


def test_a_preview_that_cannot_be_drawn_is_not_named(type_: Type, tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"damaged")
    preview = tmp_path / "p" / "preview.png"
    said = type_("data", "check", str(tmp_path), "--preview", str(preview), "--json")
    assert (said.code, said.json["preview"], preview.exists()) == (3, None, False)


def test_labels_go_along_and_are_never_folders(type_: Type, tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg", "子/a.png"):
        write(tmp_path / "d" / name, pixels(len(name), 16, 16, 3))
    text = "file,label\na.png,../../out\nb.jpg,猫/狗\n子/a.png,猫/狗\n"
    (tmp_path / "d" / "labels.csv").write_text(text, "utf-8")
    said = type_("data", "clean", str(tmp_path / "d"), "--out", str(tmp_path / "x" / "c"))
    assert said.code == 0, said.err
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["c"]
    before, after = (open_source(str(tmp_path / name)) for name in ("d", "x/c"))
    assert after.class_names == before.class_names == ("../../out", "猫/狗")
    assert before.labels is not None
    assert after.labels is not None
    assert np.array_equal(after.labels, before.labels)


def test_labels_of_two_splits_are_written_one_by_one(type_: Type, tmp_path: Path) -> None:
    for split in ("train", "test"):
        write(tmp_path / split / "a_1.png", pixels(0))
    said = type_("data", "label", str(tmp_path), "--pattern", "(.)_.*")
    assert said.code == 3
    assert f"hint: genctl data label {tmp_path / 'train'}" in said.err


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("data check /nowhere", 3, "no data at"),
        ("data clean digits --out x", 2, "is not a folder or ZIP of images"),
        ("data label digits --by digits", 3, "is not a folder"),
        ("data chek x", 2, "did you mean 'check'?"),
    ],
)
def test_mistakes(type_: Type, command: str, code: int, words: str) -> None:
    said = type_(*command.split())
    assert (said.code, words in said.err) == (code, True), said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "labels come from"),
        ("--pattern x --by digits", "labels come from"),
        ("--pattern (", "is not a regular expression"),
        ("--pattern x", "has no group"),
        ("--by cats", "is neither digits nor module:callable"),
        ("--by nowhere:cats", "cannot import 'nowhere:cats'"),
        ("--by builtins:repr", "for 1 images it returned"),
        ("--by builtins:len", "it failed"),
    ],
)
def test_mistakes_in_labelling(type_: Type, tmp_path: Path, options: str, words: str) -> None:
    write(tmp_path / "a.png", pixels(0))
    said = type_("data", "label", str(tmp_path), *options.split())
    assert (said.code, words in said.err) == (2, True), said.err
    assert not (tmp_path / "labels.csv").exists()


def test_a_check_of_texts(type_: Type, tmp_path: Path) -> None:
    folder = tmp_path / "书"
    folder.mkdir()
    line = "这是每一章的开头都有的一行，一个字也没有变过。"
    for number in range(20):
        chapter = f"{line}\r\n第{number}章 " + "甲乙丙丁"[number % 4] * 50 + str(number)
        (folder / f"{number}.txt").write_text(chapter, "utf-8", newline="")
    (folder / "20.txt").write_bytes((folder / "3.txt").read_bytes())
    (folder / "坏.txt").write_text("坏\ufffd了\x01", "utf-8")
    (folder / "a.bin").write_bytes(bytes(9))
    said = type_("data", "check", str(folder), "--json")
    assert said.code == 0
    assert said.json["usable"] is True
    sections = sections_of(said)
    assert sections["Files"]["facts"]["texts"] == "22"
    assert sections["Files"]["facts"]["other files"] == "1 binary"
    assert "Han" in sections["Characters"]["facts"]["kinds"].split(", ")[0]
    warnings = " | ".join(sections["Characters"]["warnings"])
    for expected in ("坏.txt (1)", "Windows", "0.txt", r"'\x01'"):
        assert expected in warnings
    repeats = " | ".join(sections["Repeats"]["warnings"])
    assert f"{folder / '20.txt'} = {folder / '3.txt'}" in repeats
    assert f"{line!r} (21 times)" in repeats
    assert "of 22, " in sections["Held out for scores"]["facts"]["documents"]


def test_a_check_shows_texts_in_the_encodings_that_they_may_be_in(
    type_: Type, tmp_path: Path
) -> None:
    (tmp_path / "红楼梦.txt").write_bytes("甄士隐梦幻识通灵\n".encode("gbk"))
    said = type_("data", "check", str(tmp_path), "--json")
    assert said.code == 3
    assert said.json["reason"] == "1 of 1 texts cannot be read"
    encodings = sections_of(said)["Encodings"]
    assert encodings["facts"]["gb18030"] == "甄士隐梦幻识通灵"
    assert "shift_jis" not in encodings["facts"]
    assert "may be in one of these encodings" in encodings["warnings"][0]
    assert type_("data", "check", str(tmp_path), "--encoding", "gbk").code == 0


def test_held_out_texts_that_are_trained_on_too_are_named(type_: Type, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"text": "一样" if number in (0, 4) else f"第 {number} 段"} for number in range(10)]
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    held_out = sections_of(type_("data", "check", str(path), "--json"))["Held out for scores"]
    assert f"{path}, document 5 = {path}, document 1" in held_out["warnings"][0]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("data clean 书 --out b", "genctl data check '书'"),
        ("train gan --data 书 --budget 1steps", "genctl train lm --data '书'"),
        ("train lm --data digits --budget 1steps", "genctl train gan --data digits"),
    ],
)
def test_data_of_the_other_kind_is_told_where_it_goes(
    words: str, hint: str, type_: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "书").mkdir()
    (tmp_path / "书" / "一.txt").write_text("春眠不觉晓", "utf-8")
    said = type_(*words.split())
    assert said.code in (2, 3)
    assert hint in said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("pydoc", "--preview", "a.png"), "does not apply: pydoc holds text"),
        (("digits", "--encoding", "gbk"), "does not apply: digits holds images"),
        (("pydoc", "--encoding", "gb"), "did you mean 'gbk'"),
    ],
)
def test_a_check_refuses_what_does_not_fit(
    options: tuple[str, ...], words: str, type_: Type
) -> None:
    said = type_("data", "check", *options)
    assert said.code == 2
    assert words in said.err
