"""``train --nproc``: one command, several processes, one voice, the status of any training."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from genctl.cli import local_launch, main
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from tests.kills import needs_fork

pytestmark = needs_fork
BRIEF = "--preset mlp --evaluations 0 --batch-size 16 --device cpu --optimizer sgd"
ENDLESS = ("--nproc", "2", "--budget", "100000steps")

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")


@dataclass
class Command:
    """``genctl train`` in a forked process, which ends as the process of a user would."""

    pid: int
    log: Path

    def ended(self, seconds: float = 120) -> tuple[int, str]:
        """Its exit status, negative after a signal, and what it said."""
        deadline = time.monotonic() + seconds
        while (found := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)
        return os.waitstatus_to_exitcode(found[1]), self.log.read_text("utf-8")

    def others(self) -> list[int]:
        """The processes that it has forked."""
        return [
            int(n) for n in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        ]


def start(out: Path, *words: str) -> Command:
    log = out.with_suffix(".log")
    if child := os.fork():
        return Command(child, log)
    status = 99
    with log.open("w", encoding="utf-8", buffering=1) as said:
        sys.stdout = sys.stderr = said
        try:
            status = main(["train", "gan", *BRIEF.split(), "--out", str(out), *words])
        finally:
            said.flush()
            os._exit(status)


def begun(out: Path) -> None:
    """Wait for the first step of a run."""
    deadline = time.monotonic() + 90
    while not (out / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def test_two_train_as_one_does_and_one_speaks(tmp_path: Path) -> None:
    code, said = start(tmp_path / "two", "--nproc", "2", "--budget", "6steps").ended()
    assert (code, said.count("2 processes"), said.count("run ")) == (0, 1, 1)
    alone = ["--out", str(tmp_path / "one"), "--micro-batch", "8", "--budget", "6steps"]
    assert main(["train", "gan", *BRIEF.split(), *alone]) == 0
    one, two = (
        checkpoint.group(checkpoint.choose(Run(tmp_path / name), "last", print), "model")
        for name in ("one", "two")
    )
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=1e-5, rtol=1e-4)


def test_a_signal_saves_and_the_same_command_goes_on(tmp_path: Path) -> None:
    command = start(tmp_path / "run", *ENDLESS)
    begun(tmp_path / "run")
    os.kill(command.pid, signal.SIGTERM)
    code, said = command.ended()
    assert code == 143, said
    assert "error: stopped by SIGTERM" in said
    reached = Run(tmp_path / "run").read("last.json")["step"]
    assert reached > 0


@needs_proc
def test_one_line_says_that_a_process_was_killed(tmp_path: Path) -> None:
    command = start(tmp_path / "run", *ENDLESS)
    begun(tmp_path / "run")
    (other,) = command.others()
    os.kill(other, signal.SIGKILL)
    code, said = command.ended(seconds=30)
    assert (code, said.count("error:"), said.count("Traceback")) == (1, 1, 0), said
    assert "a process of this training no longer answers" in said


@needs_proc
def test_no_process_outlives_the_first(tmp_path: Path) -> None:
    command = start(tmp_path / "run", *ENDLESS)
    begun(tmp_path / "run")
    (other,) = command.others()
    os.kill(command.pid, signal.SIGKILL)
    command.ended()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{other}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{other}").exists()


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--batch-size", "15"), 2, "cannot be shared by 2 processes"),
        (("--data", "/nowhere"), 3, "no data at"),
        (("--dry-run",), 2, "--dry-run probes one process"),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...], code: int, line: str, tmp_path: Path
) -> None:
    found, said = start(tmp_path / "run", "--nproc", "2", *words).ended()
    assert (found, said.count("error:"), said.count("Traceback")) == (code, 1, 0), said
    assert line in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("count", "device", "gpus", "cores", "line", "hint"),
    [
        (3, None, 0, 2, "--nproc 3 is above the number of CPU cores, 2", "--nproc 2"),
        (2, None, 0, 1, "--nproc 2 is above the number of CPU cores, 1", "leave --nproc out"),
        (9, "cpu", 8, 4, "--nproc 9 is above the number of CPU cores, 4", "--nproc 4"),
        (
            *(9, None, 8, 64, "--nproc 9 needs 9 GPUs, and this machine has 8"),
            "--nproc 8, or --device cpu --nproc 9",
        ),
    ],
)
def test_more_processes_than_the_machine_has_are_refused(
    count: int,
    device: str | None,
    gpus: int,
    cores: int,
    line: str,
    hint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_launch, "usable_cores", lambda: cores)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with (
        pytest.raises(GenctlError) as caught,
        local_launch.local_processes(count, threads=None, device=device),
    ):
        raise AssertionError("it started them")
    assert (caught.value.code, caught.value.message) == (ExitStatus.USAGE, line)
    assert caught.value.hint == hint
    assert "RANK" not in os.environ


def test_processes_of_torchrun_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_launch, "usable_cores", lambda: 1)
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "8")
    with local_launch.local_processes(None, threads=None, device=None):
        assert os.environ["RANK"] == "3"
