"""Which kind of data a folder holds, and which of its files are read for that."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from genctl.data.text import decompress
from genctl.data.text.check import check_texts
from genctl.registry import DATA_KINDS, Claim, kind_of
from tests.data.pictures import pixels, write


def folder(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        if name.endswith(".png"):
            write(root / name, pixels(number, 64, 64, 3))
        else:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"text {number}\n")
    return root


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("a.txt", "b.txt", "c.txt", "logo.png"), "text"),
        (("a.png", "b.png", "README.md"), "images"),
        (("a.png", "b.png", "a.txt", "b.txt", "labels.csv"), "images"),
        (("train.parquet", "README.md", "LICENSE"), "images"),
        (("deep/a.txt", "deep/b.txt"), "text"),
    ],
)
def test_most_of_the_files_decide(tmp_path: Path, names: tuple[str, ...], kind: str) -> None:
    found = kind_of(str(folder(tmp_path, *names)))
    assert found is not None
    assert found.name == kind


def test_text_in_linked_folders_is_read_once(tmp_path: Path) -> None:
    folder(tmp_path / "real", "a.txt")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "circle").symlink_to(tmp_path / "d")
    (section, *_) = check_texts(str(tmp_path / "d")).sections
    assert section.facts["texts"] == "1"


def test_text_is_not_looked_for_in_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = decompress.blocks

    def blocks(path: Path, size: int = 0) -> object:
        read.append(size)
        return original(path, size)

    monkeypatch.setattr(decompress, "blocks", blocks)
    images = folder(tmp_path / "d", *(f"{number}.png" for number in range(5)))
    assert DATA_KINDS.get("text").claims(str(images)) is Claim.NO
    assert read == []
    texts = folder(tmp_path / "t", *(f"{number}.txt" for number in range(50)))
    assert DATA_KINDS.get("text").claims(str(texts)) is Claim.LIKELY
    assert len(read) < 10
    assert max(read) <= 2**16


def test_a_damaged_text_is_reported_beside_the_others(tmp_path: Path) -> None:
    folder(tmp_path, "a.txt")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"text " * 1000)[:40])
    found = check_texts(str(tmp_path))
    assert found.unusable == "1 of 2 texts cannot be read"
    assert found.sections[0].facts["documents"] == "1"
