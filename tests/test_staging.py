"""Folders that appear when they are complete, and never in place of something else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from genctl import staging
from genctl.errors import ExitStatus, GenctlError
from genctl.files import hidden_beside, write_atomic
from genctl.staging import is_free, settle, staged, staged_file
from tests.test_files import full


def test_staged_is_all_or_nothing(tmp_path: Path) -> None:
    place = tmp_path / "folder"
    with staged(place) as stage:
        (stage / "a").write_text("1")
        assert not place.exists()
    with pytest.raises(ZeroDivisionError), staged(place) as stage:
        (stage / "a").write_text(str(1 / 0))
    assert (place / "a").read_text() == "1"
    with staged(place, existing="replace") as stage:
        (stage / "b").write_text("3")
    assert os.listdir(place) == ["b"]
    with staged(place, existing="keep") as stage:
        (stage / "late").write_text("4")
    assert os.listdir(place) == ["b"]
    assert os.listdir(tmp_path) == ["folder"]


def test_a_file_that_cannot_be_read_is_not_called_unwritable(tmp_path: Path) -> None:
    absent, place = tmp_path / "absent" / "a", tmp_path / "folder"
    read = pytest.raises(GenctlError, match=f"cannot read {absent}")
    with read as failed, staged(place) as stage:
        (stage / "a").write_bytes(absent.read_bytes())
    assert failed.value.code == ExitStatus.DATA
    written = pytest.raises(GenctlError, match=f"cannot write {place}")
    with written, staged(place) as stage:
        (stage / "absent" / "a").write_bytes(b"")


def test_staged_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "folder"
    with staged(place) as stage:
        (stage / "a").write_text("1")
    monkeypatch.setattr(os, "fsync", full)
    failed = pytest.raises(GenctlError, match="no space left")
    with failed, staged(place, existing="replace") as stage:
        (stage / "a").write_text("2")
    assert (place / "a").read_text() == "1"
    assert os.listdir(tmp_path) == ["folder"]


def test_the_second_of_two_at_once_is_refused_and_the_first_stays(tmp_path: Path) -> None:
    for start in ("absent", "empty"):
        place = tmp_path / start
        if start == "empty":
            place.mkdir()
        refused = pytest.raises(GenctlError, match="another process has written to")
        with refused as second, staged(place) as late:
            (late / "run").write_text("second")
            with staged(place) as early:
                (early / "run").write_text("first")
        assert second.value.code == ExitStatus.FAILURE
        assert (place / "run").read_text() == "first"
        assert os.listdir(place) == ["run"]
    assert sorted(os.listdir(tmp_path)) == ["absent", "empty"]


def test_only_what_stood_there_before_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "export"
    place.mkdir()
    (place / "old").touch()
    refused = pytest.raises(GenctlError, match="another process")
    with refused, staged(place, existing="replace"):
        place.rename(tmp_path / "aside")
        place.mkdir()
        (place / "foreign").touch()
    assert os.listdir(place) == ["foreign"]


@pytest.mark.parametrize("kind", ["folder", "link", "dangling link", "link to a link"])
def test_a_folder_is_filled_and_a_link_is_followed(kind: str, tmp_path: Path) -> None:
    target, place = tmp_path / "disk" / "place", tmp_path / "out"
    if kind != "dangling link":
        target.mkdir(parents=True)
    if kind == "folder":
        place = target
    elif kind == "link to a link":
        (tmp_path / "between").symlink_to(target)
        place.symlink_to(tmp_path / "between")
    else:
        place.symlink_to(target)
    with staged(place) as stage:
        (stage / "a").write_text("1")
    assert (target / "a").read_text() == "1"
    assert place.is_symlink() == (kind != "folder")
    assert os.listdir(target) == ["a"]


def test_a_mount_point_is_filled_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "mounted"
    (place / "lost+found").mkdir(parents=True)
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if place in (self, Path(target)) or Path(target).parent == tmp_path:
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with staged(place) as stage:
        (stage / "a").write_text("1")
    assert sorted(os.listdir(place)) == ["a", "lost+found"]


def test_files_and_foreign_content_are_left_alone(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("precious")
    folder.mkdir()
    (folder / "notes").write_text("precious")
    assert not is_free(file)
    assert not is_free(folder)
    for place in (file, folder):
        refused = pytest.raises(GenctlError, match=r"a file is in the way|another process")
        with refused, staged(place):
            pass
    with pytest.raises(GenctlError, match="a folder is in the way"), staged_file(folder):
        pass
    assert file.read_text() == (folder / "notes").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_what_a_killed_process_left_is_no_content(tmp_path: Path) -> None:
    hidden_beside(tmp_path / "run", "tmp").mkdir()
    assert is_free(tmp_path)


def test_a_killed_filling_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    rename = Path.rename

    def until(self: Path, target: Path) -> Path:
        if len(moved) == 2:
            raise KeyboardInterrupt  # as a kill
        moved.append(self.name)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", until)
    with pytest.raises(KeyboardInterrupt), staged(tmp_path, last="config.json") as stage:
        list(map(Path.touch, (stage / "config.json", stage / "data.json", stage / "samples")))
    monkeypatch.undo()
    assert not (tmp_path / "config.json").exists()
    settle(tmp_path, last="config.json")
    assert sorted(os.listdir(tmp_path)) == ["config.json", "data.json", "samples"]


@pytest.mark.parametrize("write", [write_atomic, lambda path, text: _write_staged(path, text)])
def test_a_linked_file_is_written_where_it_is(
    write: Callable[[Path, str], None], tmp_path: Path
) -> None:
    target, link = tmp_path / "far" / "file", tmp_path / "link"
    target.parent.mkdir()
    link.symlink_to(target)
    for text in ("1", "2"):
        write(link, text)
        assert link.is_symlink()
        assert target.read_text() == text
    assert os.listdir(target.parent) == ["file"]


def _write_staged(path: Path, text: str) -> None:
    with staged_file(path) as stage:
        stage.write_text(text)


def test_an_end_without_clean_up_leaves_no_stage(tmp_path: Path) -> None:
    with staged(tmp_path / "folder") as stage:
        staging.discard()
        assert not stage.exists()
        stage.mkdir()
