from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote

import pytest

from genctl import files
from genctl.errors import ExitStatus, GenctlError


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_write_atomic_replaces_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "文件.json"
    files.write_json(path, {"键": 1})
    files.write_json(path, {"键": 2})
    assert json.loads(path.read_text("utf-8")) == {"键": 2}
    assert "键" in path.read_text("utf-8")
    assert os.listdir(tmp_path) == ["文件.json"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write_atomic(path, "before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GenctlError, match="no space left on the disk") as failed:
        files.write_atomic(path, "after")
    assert failed.value.code == ExitStatus.FAILURE
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]


def test_staged_is_all_or_nothing(tmp_path: Path) -> None:
    place = tmp_path / "folder"
    with files.staged(place) as stage:
        (stage / "a").write_text("1")
        assert not place.exists()
    with pytest.raises(ZeroDivisionError), files.staged(place) as stage:
        (stage / "a").write_text(str(1 / 0))
    assert (place / "a").read_text() == "1"
    with files.staged(place) as stage:
        (stage / "b").write_text("3")
    assert os.listdir(place) == ["b"]
    with files.staged(place, replace=False) as stage:
        (stage / "late").write_text("4")
    assert os.listdir(place) == ["b"]
    assert os.listdir(tmp_path) == ["folder"]


def test_a_file_that_cannot_be_read_is_not_called_unwritable(tmp_path: Path) -> None:
    absent, place = tmp_path / "absent" / "a", tmp_path / "folder"
    read = pytest.raises(GenctlError, match=f"cannot read {absent}")
    with read as failed, files.staged(place) as stage:
        (stage / "a").write_bytes(absent.read_bytes())
    assert failed.value.code == ExitStatus.DATA
    written = pytest.raises(GenctlError, match=f"cannot write {place}")
    with written, files.staged(place) as stage:
        (stage / "absent" / "a").write_bytes(b"")


def test_staged_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "folder"
    with files.staged(place) as stage:
        (stage / "a").write_text("1")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GenctlError, match="no space left"), files.staged(place) as stage:
        (stage / "a").write_text("2")
    assert (place / "a").read_text() == "1"
    assert os.listdir(tmp_path) == ["folder"]


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # root, whom CI may run as, is refused nowhere
    with pytest.raises(GenctlError, match="no permission to write there") as failed:
        files.make_directory(tmp_path / "below")
    assert failed.value.code == ExitStatus.FAILURE
    assert failed.value.hint == "choose another place with out"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GenctlError, match="a file is in the way") as failed:
        files.make_directory(tmp_path / "file" / "below")
    assert failed.value.hint == "choose another place with out"


@pytest.mark.parametrize(
    "name", ["猫", "a b.c", "..", "/etc", "a/b", "a%2Fb", ".x", "x.", "\ud800"]
)
def test_a_name_as_one_part_of_a_path(name: str) -> None:
    part = files.path_component(name)
    assert (Path("folder") / part).parent == Path("folder")
    assert part not in (".", "..")
    assert unquote(part, errors="surrogatepass") == name


def test_names_of_devices_taken_names_and_long_names() -> None:
    assert [files.path_component(name) for name in ("NUL", "com1.png", "console")] == [
        "%4EUL", "%63om1.png", "console",
    ]  # fmt: skip
    assert files.path_component("Val", ["val"]) == "%56al"
    long, other = (files.path_component("猫" * 300 + end) for end in "ab")
    assert long != other
    assert len(long.encode()) <= 200
