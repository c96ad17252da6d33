"""``train --nproc``: one command, several processes, one voice, the status of any training."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
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


def start(out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "genctl", "train", "gan", *BRIEF.split(), "--out", str(out)]
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")}
    return subprocess.Popen(
        [*command, *words],
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )


def ended(out: Path, *words: str) -> tuple[int, str]:
    process = start(out, *words)
    _, said = process.communicate(timeout=120)
    return process.returncode, said


def test_two_train_as_one_does_and_one_speaks(tmp_path: Path) -> None:
    code, said = ended(tmp_path / "two", "--nproc", "2", "--budget", "6steps")
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
    process = start(tmp_path / "run", "--nproc", "2", "--budget", "100000steps")
    deadline = time.monotonic() + 90
    while not (tmp_path / "run" / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert "error: stopped by SIGTERM" in said
    reached = Run(tmp_path / "run").read("last.json")["step"]
    assert reached > 0


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
    found, said = ended(tmp_path / "run", "--nproc", "2", *words)
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
