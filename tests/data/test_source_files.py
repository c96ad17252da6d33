"""The files of a folder: linked ones once and by the same path each time, hidden ones never."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from genctl.data.source_files import files_in, files_of, walk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files in a folder, with two links to it and one upwards, and two hidden files."""
    root = tmp_path / "root"
    for name in ("kept/10.txt", "kept/9.txt", ".git/config", "__MACOSX/9.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    for link, target in (("z", "kept"), ("again", "kept"), ("kept/up", "..")):
        (root / link).symlink_to(root / target)
    return root


def names(paths: Iterator[Path] | list[Path], root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_linked_folder_is_read_once_and_always_by_the_same_path(
    folder: Path, backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    class Ordered:
        """What a file system might list, in either order."""

        def __init__(self, path: str) -> None:
            with scan(path) as found:
                self.entries = iter(sorted(found, key=lambda e: e.name, reverse=backwards))

        def __next__(self) -> os.DirEntry[str]:
            return next(self.entries)

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            return self.entries

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *_: object) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr(os, "scandir", Ordered)
    assert sorted(names(walk(folder), folder)) == ["kept/10.txt", "kept/9.txt"]
    assert names(files_in(folder), folder) == ["kept/9.txt", "kept/10.txt"]


def test_a_file_is_its_only_file_and_an_absent_one_has_none(folder: Path) -> None:
    file = folder / "kept" / "9.txt"
    assert list(files_of(str(file))) == [file]
    assert list(files_of(str(folder / "nothing"))) == []
