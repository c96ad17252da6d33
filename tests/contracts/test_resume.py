"""Kill a training at any moment, run the same command again: the same weights, bit for bit."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

import genctl
from genctl import staging
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from tests.contracts.toys import registered
from tests.kills import assert_same_end, at_step, die, killed, killed_at_step, needs_fork

STEPS = 60
FAMILIES = ("toy-adversarial", "toy-tokens", "toy-distil", "toy-contrastive")


def train(family: str, out: Path, teacher: Path | None, *sets: str) -> Run:
    parents = [f"parents.teacher={teacher}"] if family == "toy-distil" else []
    # A checkpoint after each step, so that any step may be the last one before a kill.
    sets = ("checkpoint_seconds=1e-9", "keep_last=2", *sets, *parents)
    return genctl.train(family, out=out, budget=f"{STEPS}steps", sets=sets, threads=1)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with registered():
        return train("toy-adversarial", tmp_path_factory.mktemp("teacher") / "run", None).path


@needs_fork
def test_only_a_child_that_kills_itself_counts_as_killed() -> None:
    assert killed(die)
    assert not killed(int)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        killed(lambda: 1 / 0)
    with pytest.raises(AssertionError, match=f"wait status {int(signal.SIGKILL)}"):
        killed(lambda: os.kill(os.getpid(), signal.SIGKILL))


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are not synced to the disk: only a loss of power needs that, ``kill -9`` does not."""
    monkeypatch.setattr(staging, "_sync", lambda _: None)
    monkeypatch.setattr(os, "fsync", lambda _: None)


@needs_fork
@pytest.mark.usefixtures("unsynced")
@pytest.mark.parametrize("family", FAMILIES)
def test_killed_at_five_steps_ends_bit_equal(family: str, tmp_path: Path, teacher: Path) -> None:
    disturbed = Run(tmp_path / "killed")
    resumed_from = []
    for last_step in sorted(random.Random(family).sample(range(2, STEPS - 1), 5)):
        assert killed_at_step(last_step, lambda: train(family, disturbed.path, teacher))
        resumed_from.append(disturbed.read("last.json")["step"])
    assert min(resumed_from) > 0
    assert resumed_from == sorted(set(resumed_from))
    undisturbed = train(family, tmp_path / "whole", teacher)
    assert_same_end(undisturbed, train(family, disturbed.path, teacher))


@needs_fork
@pytest.mark.usefixtures("unsynced")
@pytest.mark.parametrize("family", ["toy-adversarial", "toy-tokens"])
def test_muon_goes_on_bit_equal(family: str, tmp_path: Path, teacher: Path) -> None:
    sets = ("optimizer=muon", "lr=0.01", "weight_decay=0.1", "decay_falls=true")
    assert killed_at_step(30, lambda: train(family, tmp_path / "killed", teacher, *sets))
    assert Run(tmp_path / "killed").read("last.json")["step"] > 20
    undisturbed = train(family, tmp_path / "whole", teacher, *sets)
    assert_same_end(undisturbed, train(family, tmp_path / "killed", teacher, *sets))


@needs_fork
def test_killed_while_saving_falls_back(tmp_path: Path, teacher: Path) -> None:
    undisturbed = train("toy-tokens", tmp_path / "whole", teacher)
    out = tmp_path / "killed"

    def killed_in_save() -> None:
        calls = iter(range(10_000))
        whole_sync = staging._sync

        def sync(path: Path) -> None:
            if next(calls) == 60:
                die()
            whole_sync(path)

        staging._sync = sync
        train("toy-tokens", out, teacher)

    assert killed(killed_in_save)
    assert 0 < Run(out).read("last.json")["step"] < STEPS
    assert_same_end(undisturbed, train("toy-tokens", out, teacher))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_first_signal_saves_and_says_which(
    number: signal.Signals, tmp_path: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = train("toy-adversarial", tmp_path / "whole", teacher)
    with monkeypatch.context() as patch:
        at_step(20, lambda: signal.raise_signal(number), patch)
        with pytest.raises(GenctlError, match="step 21, saved in") as stopped:
            train("toy-adversarial", tmp_path / "stopped", teacher)
    assert stopped.value.code == 128 + number
    assert Run(tmp_path / "stopped").read("last.json")["step"] == 21
    assert_same_end(undisturbed, train("toy-adversarial", tmp_path / "stopped", teacher))


def test_flipped_byte_is_noticed_and_the_one_before_used(tmp_path: Path, teacher: Path) -> None:
    run = train("toy-tokens", tmp_path / "run", teacher)
    newest = checkpoint.all_checkpoints(run)[-1] / "model.safetensors"
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    said: list[str] = []
    path = checkpoint.choose(run, "last", said.append)
    assert path == checkpoint.all_checkpoints(run)[-2]
    assert "another checksum" in said[0]
    with pytest.raises(GenctlError, match="damaged") as refused:
        checkpoint.choose(run, str(STEPS), said.append)
    assert refused.value.code == ExitStatus.DATA


def test_second_process_is_refused_and_told_who_holds_the_run(
    tmp_path: Path, teacher: Path
) -> None:
    run = train("toy-tokens", tmp_path / "run", teacher)
    run.write("last.json", {**run.read("last.json"), "finished": False})
    with run.lock():
        with pytest.raises(GenctlError, match=f"process {os.getpid()}"):
            train("toy-tokens", run.path, teacher)
        elsewhere = genctl.train("toy-tokens", budget="2steps", threads=1)
    assert elsewhere.path != run.path


def test_full_disk_keeps_what_was_saved(
    tmp_path: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    with monkeypatch.context() as patch:
        small = (1000, resource.RLIM_INFINITY)
        at_step(20, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, small), patch)
        try:
            with pytest.raises(GenctlError, match="no space left on the disk") as full:
                train("toy-tokens", tmp_path / "run", teacher)
        finally:
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert full.value.code == ExitStatus.FAILURE
    assert Run(tmp_path / "run").read("last.json")["step"] == 20
    assert checkpoint.damage_of(checkpoint.choose(Run(tmp_path / "run"), "last", print)) == ""
    train("toy-tokens", tmp_path / "run", teacher)
