from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock
import pytest

from genctl import runs
from genctl.errors import ExitStatus, GenctlError


def made(stem: str = "gan-digits") -> runs.Run:
    run = runs.create(stem)
    run.write("config.json", {})
    return run


def test_numbers_go_up_and_are_never_shared() -> None:
    with ThreadPoolExecutor(8) as pool:
        names = [run.name for run in pool.map(lambda _: runs.create("gan-digits"), range(24))]
    assert sorted(names, key=lambda n: int(n[11:])) == [f"gan-digits-{k}" for k in range(1, 25)]


def test_names_keep_other_scripts_and_lose_what_paths_cannot_hold() -> None:
    assert runs.stem_of("gan", "猫 与狗") == "gan-猫-与狗"
    assert runs.stem_of("gan", "a/b\\c:d") == "gan-a-b-c-d"
    assert runs.stem_of("gan", "..") == "gan-data"


def test_find_by_name_or_path_and_say_what_is_near() -> None:
    run = made()
    assert runs.find("gan-digits-1") == run
    assert runs.find(run.path) == run
    with pytest.raises(GenctlError, match="did you mean gan-digits-1") as missing:
        runs.find("gan-digit-1")
    assert missing.value.code == ExitStatus.USAGE
    with pytest.raises(GenctlError, match="is not a run folder"):
        runs.find(run.path.parent)


def test_the_latest_comes_first() -> None:
    first, second = made(), made()
    os.utime(second.path / "config.json", (1, 1))
    assert runs.all_runs() == [first, second]


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    run = made()
    code = (
        "import os, sys; from genctl.runs import Run; from pathlib import Path\n"
        f"with Run(Path({str(run.path)!r})).lock():\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert run.holder() == f"process {holder.pid} on {socket.gethostname()}"
    with pytest.raises(GenctlError, match=f"is being trained by process {holder.pid}"), run.lock():
        pass
    holder.kill()
    holder.wait()
    assert run.holder() is None
    with run.lock():
        assert run.holder() is not None


def test_damaged_documents_are_named(tmp_path: Path) -> None:
    run = made()
    (run.path / "last.json").write_text('{"step": ')
    with pytest.raises(GenctlError, match=r"last\.json is damaged"):
        run.read("last.json")
    assert run.read("absent.json") is None


def test_a_lock_that_only_its_owner_can_write_to(monkeypatch: pytest.MonkeyPatch) -> None:
    run = made()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(run.path / ".lock"))

    with run.lock():
        monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
        assert run.holder() == f"process {os.getpid()} on {socket.gethostname()}"
        monkeypatch.undo()
    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    assert run.holder() is None


def test_a_file_that_vanishes_has_no_size(monkeypatch: pytest.MonkeyPatch) -> None:
    run = made()
    size = runs.size_of(run)
    listed = [*os.walk(run.path), (str(run.path / "checkpoints"), [], ["gone"])]
    monkeypatch.setattr(os, "walk", lambda *_: iter(listed))
    assert runs.size_of(run) == size


def test_a_run_in_any_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made("gan-\u00e9t\u00e9")
    monkeypatch.chdir(run.path.parent)
    (tmp_path / "link").symlink_to(run.path)
    for name in ("gan-e\u0301te\u0301-1", f"./{run.name}", f"{run.path}/", tmp_path / "link"):
        assert runs.find(name).path.resolve() == run.path
    monkeypatch.chdir(run.path)
    assert runs.find(".").name == run.name


def test_removing_a_link_removes_the_run_and_the_link(tmp_path: Path) -> None:
    run = made()
    link = run.path.with_name("newest")
    link.symlink_to(run.path)
    runs.remove(runs.find(link))
    assert os.listdir(run.path.parent) == []


def test_what_cannot_be_read_among_runs_is_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = made()
    root = run.path.parent
    (root / "file").touch()
    (root / "link").symlink_to("nowhere")
    (root / "closed").mkdir()
    is_file = Path.is_file

    def refuse(path: Path) -> bool:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)
    assert runs.all_runs() == [run]


def test_a_run_that_vanishes_while_it_is_listed() -> None:
    run = made()
    runs.remove(run)
    assert runs.written(run) == runs.size_of(run) == 0
