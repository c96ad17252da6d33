"""The real command, the default preset, ``kill -9`` at random moments: what the README promises."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genctl.runs import Run
from tests.kills import assert_same_end

KILLS = 5
LIMIT_SECONDS = 300


def command(out: Path) -> list[str]:
    words = ["train", "gan", "--budget", "60k", "--threads", "1", "--out", str(out)]
    return [sys.executable, "-m", "genctl", *words]


def wait_for_checkpoint(run: Run, process: subprocess.Popen[str]) -> float:
    """Seconds until the run has a checkpoint that it did not have before."""
    begun, before = time.monotonic(), run.read("last.json")
    while run.read("last.json") == before:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() - begun < LIMIT_SECONDS
        time.sleep(0.05)
    return time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_at_five_random_moments(tmp_path: Path) -> None:
    whole, run = Run(tmp_path / "whole"), Run(tmp_path / "killed")
    subprocess.run(command(whole.path), check=True, capture_output=True)
    moments = random.Random(2026)
    for number in range(KILLS):
        process = subprocess.Popen(command(run.path), stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        if number == 0:
            assert wait_for_checkpoint(run, process) < 30
        else:
            resumed = next(line for line in process.stderr if line.startswith("resuming"))
            assert int(resumed.partition("from step ")[2].split()[0]) > 0
        time.sleep(moments.uniform(0, 15))
        saved = (run.path / "last.json").stat().st_mtime
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert time.time() - saved <= 60
    subprocess.run(command(run.path), check=True, capture_output=True)
    assert_same_end(whole, run)
