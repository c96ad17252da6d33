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


def test_a_link_to_nowhere_becomes_a_folder_where_it_points(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("folder")
    files.make_directory(tmp_path / "link")
    assert (tmp_path / "folder").is_dir()


@pytest.mark.parametrize("there", ["folder", "text", "empty", "picture"])
def test_only_a_file_of_the_same_format_is_replaced(there: str, tmp_path: Path) -> None:
    place = tmp_path / "grid.png"
    if there == "folder":
        place.mkdir()
    else:
        place.write_bytes({"text": b"precious", "empty": b"", "picture": b"\x89PNG..."}[there])
    if there in ("empty", "picture"):
        files.refuse_other_file(place)
        return
    with pytest.raises(GenctlError, match=r"is a folder|is not a \.png file") as refused:
        files.refuse_other_file(place)
    assert refused.value.code == ExitStatus.USAGE


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
