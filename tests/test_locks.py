"""File systems without locks, and locks that cannot be read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from genctl import locks
from genctl.runs import Run

fcntl = pytest.importorskip("fcntl")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_a_file_system_without_locks_gets_one_warning(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    said: list[str] = []
    with locks.locked(tmp_path, said.append):
        assert locks.holder_of(tmp_path) is None
    (warning,) = said
    assert f"the file system of {tmp_path} has no locks" in warning


def test_a_holder_that_is_not_written_yet_is_no_error(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with run.lock():
        (tmp_path / locks.HOLDER).write_text("{")
        assert run.holder() == "process ? on ?"
