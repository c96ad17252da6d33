"""Two processes train as one does: the same numbers, one voice, and nobody left waiting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import genctl
from genctl.contracts import Batch, Loss, Step
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.reporting.loggers import read_rows
from genctl.engine.training import checkpoint, worker_loop
from genctl.engine.training.nonfinite_guard import MAX_SKIPPED
from genctl.engine.training.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from genctl.weights import flatten, load_tensors, save_tensors
from tests.contracts import toys
from tests.kills import at_step, die, needs_fork
from tests.processes import in_processes

pytestmark = needs_fork

ADAMW = ("dropout=0", "optimizer=adamw", "lr=1e-3")
TOKENS, GATHERING = "toy-tokens", "toy-contrastive"
MUON = ("dropout=0", "optimizer=muon", "lr=1e-2")


def train(family: str, out: Path, *sets: str, budget: str = "10steps") -> Run:
    return genctl.train(family, out=out, budget=budget, sets=sets, threads=1, device="cpu")


def train_together(family: str, out: Path, *sets: str, budget: str = "10steps") -> list[int]:
    return in_processes(lambda rank: train(family, out, *sets, budget=budget))


def weights(path: Path) -> dict[str, torch.Tensor]:
    return checkpoint.group(checkpoint.choose(Run(path), "last", print), "model")


def distance(one: Path, other: Path) -> float:
    expected, found = weights(one), weights(other)
    return max(float((expected[name] - found[name]).abs().max()) for name in expected)


def on_rank(rank: int, then: Callable[[], object], index: int = 4) -> Callable[[int], None]:
    """A change to the trainer: ``then`` before the step of that index, in one process."""

    def changed(own_rank: int) -> None:
        if own_rank == rank:
            at_step(index, then, pytest.MonkeyPatch())

    return changed


@pytest.mark.parametrize(
    ("family", "sets", "tolerance"),
    [
        ("toy-tokens", ADAMW, 1e-5),
        ("toy-adversarial", ADAMW, 1e-5),
        ("toy-contrastive", ADAMW, 1e-5),
        ("toy-tokens", MUON, 1e-3),
    ],
)
def test_two_processes_are_one_that_accumulates(
    family: str, sets: tuple[str, ...], tolerance: float, tmp_path: Path
) -> None:
    train(family, tmp_path / "one", *sets, "micro_batch=8")
    assert train_together(family, tmp_path / "two", *sets) == [0, 0]
    assert distance(tmp_path / "one", tmp_path / "two") <= tolerance
    one, two = (read_rows(tmp_path / name / "metrics.jsonl")[0] for name in ("one", "two"))
    assert one.keys() == two.keys()
    same = [name for name in one if name not in ("elapsed", "fractions")]
    assert {k: two[k] for k in same} == pytest.approx({k: one[k] for k in same}, rel=1e-3)


@pytest.mark.parametrize("first", ["one", "two"])
def test_a_run_goes_on_with_another_number_of_processes(first: str, tmp_path: Path) -> None:
    train("toy-tokens", tmp_path / "whole", *ADAMW, "micro_batch=8")
    out = tmp_path / "run"
    stop = on_rank(0, lambda: signal.raise_signal(signal.SIGTERM))

    def begun(rank: int) -> None:
        stop(rank)
        train("toy-tokens", out, *ADAMW, "micro_batch=8")

    ended = in_processes(begun, size=1 if first == "one" else 2)
    assert ended == [ExitStatus.TERMINATED, 0][: len(ended)]
    assert Run(out).read("last.json")["step"] == 5
    rest = in_processes(
        lambda rank: train("toy-tokens", out, *ADAMW, "micro_batch=8"), 2 if first == "one" else 1
    )
    assert set(rest) == {0}
    assert distance(tmp_path / "whole", out) <= 1e-5


def test_all_make_do_with_the_memory_of_one(tmp_path: Path) -> None:
    def of_little_memory(rank: int) -> None:
        whole_loss = toys.Tokens.loss

        def loss(self: toys.Tokens, phase: str, batch: Batch, step: Step) -> Loss:
            if len(batch.positions) > 2 and step.index >= 3:
                raise torch.OutOfMemoryError("out of memory")
            return whole_loss(self, phase, batch, step)

        if rank == 1:
            pytest.MonkeyPatch().setattr(toys.Tokens, "loss", loss)
        train("toy-tokens", tmp_path / "two", *ADAMW)

    train("toy-tokens", tmp_path / "one", *ADAMW, "micro_batch=2")
    assert in_processes(of_little_memory) == [0, 0]
    assert Run(tmp_path / "two").read("resolved.json")["micro_batch"] == 2
    assert distance(tmp_path / "one", tmp_path / "two") <= 1e-5


def test_all_are_set_back_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_loss, whole_follow = toys.Tokens.loss, worker_loop.run_worker
    bad = range(5, 5 + MAX_SKIPPED)

    def spoiled(self: toys.Tokens, phase: str, batch: Batch, step: Step) -> Loss:
        found = whole_loss(self, phase, batch, step)
        spoils = step.index in bad and not restored
        return found._replace(total=found.total * float("nan")) if spoils else found

    def watched(self: Trainer, snapshot: checkpoint.Snapshot) -> None:
        whole_restore(self, snapshot)
        restored.append(snapshot.attempt)

    def followed(trainer: Trainer, run: Run, world: ProcessGroup) -> None:
        whole_follow(trainer, run, world)
        save_tensors(tmp_path / "follower.safetensors", flatten(trainer.objective.modules))

    restored: list[int] = []
    whole_restore = Trainer.restore
    monkeypatch.setattr(toys.Tokens, "loss", spoiled)
    monkeypatch.setattr(Trainer, "restore", watched)
    monkeypatch.setattr("genctl.api.training.train.run_worker", followed)
    out = tmp_path / "run"
    sets = ("checkpoint_seconds=1e-9", "dropout=0")
    assert train_together("toy-tokens", out, *sets, budget="40steps") == [0, 0]
    state = checkpoint.read(checkpoint.choose(Run(out), "last", print))
    assert (state.attempt, state.rate_scale, state.index) == (1, 0.5, 40)
    follower = load_tensors(tmp_path / "follower.safetensors")
    assert not [n for n, t in weights(out).items() if not torch.equal(t, follower[n])]


def raise_divergence() -> None:
    raise GenctlError(ExitStatus.NON_FINITE, "diverged for a test")


@pytest.mark.parametrize(
    ("family", "change", "expected", "said"),
    [
        (TOKENS, on_rank(0, raise_divergence), [ExitStatus.NON_FINITE, 0], "diverged for a test"),
        (TOKENS, on_rank(0, die), [-signal.SIGKILL, ExitStatus.FAILURE], ""),
        (TOKENS, on_rank(1, die), [ExitStatus.FAILURE, -signal.SIGKILL], "no longer answers"),
        (GATHERING, on_rank(1, die), [ExitStatus.FAILURE, -signal.SIGKILL], "no longer answers"),
    ],
)
def test_who_fails_leaves_nobody_waiting(
    family: str,
    change: Callable[[int], None],
    expected: list[int],
    said: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def work(rank: int) -> None:
        change(rank)
        train(family, tmp_path / "run", "checkpoint_seconds=1e-9")

    assert in_processes(work, seconds=30) == expected
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == bool(said)
    assert not said or said in errors[0]


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (("batch_size=15",), "batch_size=15 cannot be shared by 2 processes"),
        (("micro_batch=16",), ""),
        (("lr=-1",), "lr=-1 (from sets)"),
        (("data.source=nowhere-at-all",), "nowhere-at-all"),
    ],
)
def test_bad_input_is_said_once(
    sets: tuple[str, ...], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = train_together("toy-tokens", tmp_path / "run", *sets, budget="2steps")
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == bool(said)
    assert not said or said in errors[0]
    assert (ended == [0, 0]) == (not said)
    assert len(set(ended)) == 1


def test_what_only_another_process_lacks_is_said_by_the_first(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def work(rank: int) -> None:
        world = ProcessGroup.join("cpu")
        assert world.broadcast_from_rank0(lambda: {"rank": rank, "名": "字" * 100}) == {
            "rank": 0,
            "名": "字" * 100,
        }
        assert world.rank0_first(lambda: rank) == rank
        world.run_on_all_ranks(raise_divergence if rank else int)

    assert in_processes(work) == [ExitStatus.NON_FINITE] * 2
    assert capfd.readouterr().err == "error: process 1: diverged for a test\n"


def test_gathered_rows_carry_the_gradient_of_every_process(tmp_path: Path) -> None:
    rows = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))

    def loss(own: torch.Tensor, all_: torch.Tensor) -> torch.Tensor:
        return (own @ all_.T).softmax(1).square().sum()

    def work(rank: int) -> None:
        world = ProcessGroup.join("cpu")
        own = rows[rank * 3 : rank * 3 + 3].clone().requires_grad_()
        loss(own, world.gather(own)).backward()
        assert own.grad is not None
        save_tensors(tmp_path / f"{rank}.safetensors", {"gradient": own.grad})
        world.destroy()

    assert in_processes(work) == [0, 0]
    parts = [load_tensors(tmp_path / f"{rank}.safetensors")["gradient"] for rank in (0, 1)]
    whole = rows.clone().requires_grad_()
    loss(whole, whole).backward()
    torch.testing.assert_close(torch.cat(parts), whole.grad)


def test_torchrun_trains_and_talks_with_one_voice(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "genctl", "train", "gan", "--set", "width=8", "--budget", "2steps"]
    command += ["--set", "evaluations=0", "--device", "cpu", "--json"]
    ended = subprocess.run(
        command, env=os.environ, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)
    assert ended.stderr.count("gan on digits") == 1
    assert ", 2 processes" in ended.stderr
