"""Surroundings that fail: no home, no cache, closed pipes, full disks, Ctrl-C at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest
import torch

from genctl import files
from genctl.api.datasets import check as checking
from genctl.cli import interrupts
from genctl.cli.app import run as typed_run
from genctl.cli.errors import explain
from genctl.data.text.options import TextData
from genctl.data.text.source import open_text
from genctl.data.text.token_cache import cached_tokens, survey
from genctl.errors import ExitStatus, GenctlError, SurroundingsWarning
from genctl.evaluation.table import Table
from tests.command_line import Type


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("the cat sat on the mat\n" * 40)
    return path


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.fixture
def _fresh() -> None:
    files._temporary_cache.cache_clear()


@pytest.mark.usefixtures("_fresh")
def test_without_a_home_the_cache_is_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENCTL_CACHE")
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.warns(SurroundingsWarning, match="no home folder.*set GENCTL_CACHE"):
        folder = files.cache_folder()
    assert folder.is_dir()
    with warnings.catch_warnings(action="error"):
        assert files.cache_folder() == files.writable_cache() == folder


@pytest.mark.usefixtures("_fresh")
def test_a_cache_that_cannot_be_written_to_is_replaced_for_the_command(
    tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENCTL_CACHE", str(tmp_path / "file" / "cache"))
    text = open_text(str(texts))
    with pytest.warns(SurroundingsWarning, match="cannot be written to.*set GENCTL_CACHE"):
        found = cached_tokens(text, survey(text), TextData(tokenizer="byte"))
    assert len(found.train) + len(found.valid) == texts.stat().st_size


def test_a_verb_says_it_in_one_line(
    type_: Type, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(*_: object, **__: object) -> None:
        warnings.warn("no home", SurroundingsWarning, stacklevel=1)
        raise GenctlError(ExitStatus.DATA, "done")

    monkeypatch.setattr(checking, "check_data", check)
    said = type_("data", "check", str(texts))
    assert said.err == "warning: no home\nerror: done\n"


def test_a_tilde_without_a_home_is_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "expanduser", lambda _: no_home())
    assert files.typed_path("~/photos") == Path("~/photos")


@pytest.mark.parametrize("words", ["models --json", "runs ls", "info exit-statuses"])
def test_a_reader_that_left_is_no_error(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert typed_run(words.split(), 0.0) == 0


@pytest.mark.parametrize("words", ["models --json", "info gan", "info exit-statuses --quiet"])
def test_stdout_on_a_full_disk_is_one_line(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert typed_run(words.split(), 0.0) == ExitStatus.FAILURE
    (line,) = capsys.readouterr().err.splitlines()
    assert "no space left" in line.lower()
    assert "internal" not in line


def test_messages_that_cannot_be_shown_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setenv("GENCTL_TYPO", "1")  # a warning
    with os.fdopen(writing, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert typed_run(["models", "--quiet"], 0.0) == 0


def test_a_full_temporary_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: object) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    monkeypatch.setattr(tempfile, "tempdir", "/small")
    table = Table()
    with pytest.raises(GenctlError, match="cannot write features to /small: no space") as failed:
        table.add(torch.zeros(2, 2))
    assert failed.value.code == ExitStatus.FAILURE
    assert "TMPDIR" in failed.value.hint


@pytest.mark.parametrize("filename", [None, "/small/x"])
def test_an_error_of_the_system_is_no_internal_error(filename: str | None) -> None:
    failure = explain(OSError(28, "No space left on device", filename))
    assert failure.code == ExitStatus.FAILURE
    assert failure.message.endswith("no space left on device")


def test_without_any_stream(tmp_path: Path) -> None:
    script = "import sys; sys.argv = ['genctl', 'models']; import genctl.cli as c; c.console()"
    command = [sys.executable, "-c", script]
    closed = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *command], check=False)
    assert closed.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
@pytest.mark.parametrize("moment", ["import", "work", "swallowed"])
def test_ctrl_c_ends_with_130_at_any_moment(moment: str, tmp_path: Path) -> None:
    interrupt = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    swallowed = f"try:\n exec({interrupt!r})\nexcept BaseException: pass\ntime.sleep(9)\n"
    (tmp_path / "heavy.py").write_text(swallowed.replace("time.sleep", "import time; time.sleep"))
    work = {"import": "import heavy", "work": interrupt, "swallowed": "import time\n" + swallowed}
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import genctl.cli as c, genctl.cli.interrupts as i\n"
        f"i.PATIENCE = 0.2\nc.main = lambda: exec({work[moment]!r})\nc.console()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (ExitStatus.INTERRUPTED, "error: interrupted\n")


def test_ctrl_c_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupts.install()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
