"""Kill a training at any moment, run the same command again: the same weights, bit for bit."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import genctl
from genctl import files
from genctl.engine import checkpoint
from genctl.engine.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run

STEPS = 60
FAMILIES = ("toy-adversarial", "toy-tokens", "toy-distil")

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked, not spawned")


def train(family: str, out: Path, teacher: Path | None, *sets: str) -> Run:
    parents = [f"parents.teacher={teacher}"] if family == "toy-distil" else []
    # A checkpoint after each step, so that any step may be the last one before a kill.
    sets = ("checkpoint_seconds=1e-9", "keep_last=2", *sets, *parents)
    return genctl.train(family, out=out, budget=f"{STEPS}steps", sets=sets, threads=1)


def in_child(work: Callable[[], object]) -> int:
    """Run ``work`` in a forked child; its exit status as `os.waitpid` gives it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def everything(run: Run) -> dict[str, torch.Tensor]:
    """Weights, averages and moments at the end of a run."""
    snapshot = checkpoint.read(checkpoint.choose(run, "last", print))
    return {
        f"{group}/{name}": tensor
        for group, tensors in snapshot.tensors.items()
        for name, tensor in tensors.items()
    }


def assert_same(one: Run, other: Run) -> None:
    expected, found = everything(one), everything(other)
    assert expected.keys() == found.keys()
    different = [name for name in expected if not torch.equal(expected[name], found[name])]
    assert not different


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from genctl import registry
    from tests.contracts.toys import TOYS

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "BUILT_IN", {**registry.BUILT_IN, **TOYS})
        return train("toy-adversarial", tmp_path_factory.mktemp("teacher") / "run", None).path


@needs_fork
@pytest.mark.parametrize("family", FAMILIES)
def test_killed_at_five_steps_ends_bit_equal(family: str, tmp_path: Path, teacher: Path) -> None:
    undisturbed = train(family, tmp_path / "whole", teacher)
    disturbed = Run(tmp_path / "killed")
    resumed_from = []
    for last_step in sorted(random.Random(family).sample(range(2, STEPS - 1), 5)):

        def killed_after(last_step: int = last_step) -> None:
            whole_step = Trainer.step

            def step(self: Trainer, fraction: float) -> object:
                if self.index == last_step:
                    die()
                return whole_step(self, fraction)

            Trainer.step = step  # type: ignore[method-assign,assignment]
            train(family, disturbed.path, teacher)

        assert os.WTERMSIG(in_child(killed_after)) == signal.SIGKILL
        resumed_from.append(disturbed.read("last.json")["step"])
    assert min(resumed_from) > 0
    assert resumed_from == sorted(set(resumed_from))
    assert_same(undisturbed, train(family, disturbed.path, teacher))


@needs_fork
def test_killed_while_saving_falls_back(tmp_path: Path, teacher: Path) -> None:
    undisturbed = train("toy-tokens", tmp_path / "whole", teacher)
    out = tmp_path / "killed"

    def killed_in_save() -> None:
        calls = iter(range(10_000))
        whole_sync = files._sync

        def sync(path: Path) -> None:
            if next(calls) == 60:
                die()
            whole_sync(path)

        files._sync = sync
        train("toy-tokens", out, teacher)

    assert os.WTERMSIG(in_child(killed_in_save)) == signal.SIGKILL
    assert 0 < Run(out).read("last.json")["step"] < STEPS
    assert_same(undisturbed, train("toy-tokens", out, teacher))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_first_signal_saves_and_says_which(
    number: signal.Signals, tmp_path: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = train("toy-adversarial", tmp_path / "whole", teacher)
    whole_step = Trainer.step

    def step(self: Trainer, fraction: float) -> object:
        if self.index == 20:
            signal.raise_signal(number)
        return whole_step(self, fraction)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", step)
        with pytest.raises(GenctlError, match="step 21, saved in") as stopped:
            train("toy-adversarial", tmp_path / "stopped", teacher)
    assert stopped.value.code == 128 + number
    assert Run(tmp_path / "stopped").read("last.json")["step"] == 21
    assert_same(undisturbed, train("toy-adversarial", tmp_path / "stopped", teacher))


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
        whole_step = Trainer.step

        def step(self: Trainer, fraction: float) -> object:
            if self.index == 20:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
            return whole_step(self, fraction)

        patch.setattr(Trainer, "step", step)
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
