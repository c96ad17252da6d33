"""How a training ends, is set back or is cut off: nothing is lost, and nothing counts too early."""

from __future__ import annotations

import io
import json
import math
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import genctl
from genctl.api.training.request import TrainRequest
from genctl.api.training.train import run_training
from genctl.contracts import Loss
from genctl.engine.reporting.loggers import read_rows
from genctl.engine.training import checkpoint
from genctl.engine.training.nonfinite_guard import MAX_SKIPPED
from genctl.engine.training.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError
from genctl.output import Output
from genctl.outputs.images.callbacks import ImageCallbacks
from genctl.runs import Run
from tests.contracts import toys
from tests.kills import at_step

SCORED = "toy-adversarial"


def train(family: str, out: Path, *sets: str, budget: str = "8steps") -> Run:
    return genctl.train(family, out=out, budget=budget, sets=sets, threads=1)


class CutError(Exception):
    """The end of a process, as far as the run notices."""


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replaces the scores of training: by these values, or an exception that is raised."""

    def replace(*values: float | BaseException) -> None:
        left = list(values)

        def evaluate(self: Any, modules: Any, n: int) -> dict[str, float]:
            value = left.pop(0)
            if isinstance(value, BaseException):
                raise value
            return {"fd": value}

        monkeypatch.setattr(ImageCallbacks, "evaluate", evaluate)

    return replace


def scored_at(run: Run) -> list[int]:
    """The steps of the scores in the log."""
    rows = read_rows(run.path / "metrics.jsonl")
    return [row["position"] // 32 for row in rows if "fd" in row]


def test_a_run_is_finished_when_everything_is_written(
    tmp_path: Path, scores: Callable[..., None]
) -> None:
    scores(3.0, 3.0, CutError())
    with pytest.raises(CutError):
        train(SCORED, tmp_path / "run", "evaluations=2")
    run = Run(tmp_path / "run")
    assert (run.finished, run.read("last.json")["step"]) == (False, 8)
    scores(2.0, 2.0)
    train(SCORED, run.path, "evaluations=2")
    assert run.finished
    assert scored_at(run) == [4, 8]
    assert (run.path / "curves.png").is_file()
    assert (run.path / "README.md").is_file()


def test_an_interrupted_score_is_made_at_the_same_step(
    tmp_path: Path, scores: Callable[..., None]
) -> None:
    scores(CutError())
    with pytest.raises(CutError):
        train(SCORED, tmp_path / "run", "evaluations=4")
    scores(*[1.0, 2.0] * 4)
    run = train(SCORED, tmp_path / "run", "evaluations=4")
    assert scored_at(run) == [2, 4, 6, 8]
    assert run.read("best.json")["step"] == 2


@pytest.mark.parametrize("document", [{}, {"scores": "x"}, [1]])
def test_a_damaged_count_of_scores_is_a_data_error(document: object, tmp_path: Path) -> None:
    run = train("toy-tokens", tmp_path / "run", budget="1steps")
    run.write("last.json", {**run.read("last.json"), "finished": False})
    run.write("scored.json", document)
    with pytest.raises(GenctlError, match=r"scored\.json is damaged") as refused:
        train("toy-tokens", run.path, budget="1steps")
    assert refused.value.code == ExitStatus.DATA


def test_a_score_that_is_not_a_number_is_never_the_best(
    tmp_path: Path, scores: Callable[..., None]
) -> None:
    said = io.StringIO()
    scores(math.nan, math.nan, 5.0, 6.0)
    request = TrainRequest(SCORED, out=tmp_path / "run", budget="4steps", sets=("evaluations=2",))
    run = run_training(request, Output(stderr=said))
    assert run.read("best.json")["value"] == 5.0
    assert said.getvalue().count("warning: fd is nan at step-00000002") == 2


def test_a_signal_is_answered_and_stops_before_the_last_score(
    tmp_path: Path, scores: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = io.StringIO()
    request = TrainRequest(SCORED, out=tmp_path / "run", budget="4steps", sets=("evaluations=1",))
    with monkeypatch.context() as patch:
        at_step(3, lambda: signal.raise_signal(signal.SIGINT), patch)
        with pytest.raises(GenctlError, match="stopped by SIGINT"):
            run_training(request, Output(stderr=said))
    assert "SIGINT: stopping after this step" in said.getvalue()
    assert not Run(tmp_path / "run").finished
    scores(1.0, 1.0)
    assert run_training(request).read("best.json")["step"] == 4


@pytest.fixture
def fractions(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """The index of each step, and the share of the budget that was spent before it."""
    seen: list[tuple[int, float]] = []
    whole_step = Trainer.step

    def step(self: Trainer, fraction: float) -> object:
        seen.append((self.index, fraction))
        return whole_step(self, fraction)

    monkeypatch.setattr(Trainer, "step", step)
    return seen


def spoil(monkeypatch: pytest.MonkeyPatch, family: type, is_bad: Callable[..., bool]) -> None:
    whole_loss = family.loss  # type: ignore[attr-defined]

    def loss(self: Any, phase: str, batch: Any, step: Any) -> Loss:
        found: Loss = whole_loss(self, phase, batch, step)
        return found._replace(total=found.total * math.nan) if is_bad(phase, batch, step) else found

    monkeypatch.setattr(family, "loss", loss)


def set_back_once(monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    """Spoil the first attempt from a step on, so that the run goes back to it."""
    restored: list[int] = []
    restore = Trainer.restore

    def watched(self: Trainer, snapshot: checkpoint.Snapshot) -> None:
        restore(self, snapshot)
        restored.append(snapshot.index)

    monkeypatch.setattr(Trainer, "restore", watched)
    bad = range(before, before + MAX_SKIPPED)
    spoil(monkeypatch, toys.Tokens, lambda _, __, step: step.index in bad and not restored)


def test_a_set_back_gives_back_its_share_of_the_budget_and_its_rows(
    tmp_path: Path, fractions: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_back_once(monkeypatch, before=5)
    run = train("toy-tokens", tmp_path / "run", "checkpoint_seconds=1e-9", budget="40steps")
    assert len(fractions) > 40
    assert all(fraction == index / 40 for index, fraction in fractions)
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    positions = [json.loads(line)["position"] for line in lines]
    assert positions == sorted(set(positions))
    assert not [line for line in lines if "NaN" in line]


def test_bad_weights_at_the_end_are_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step ruins the weights, once; the gradients were fine."""
    whole_step = Trainer.step
    ruined: list[bool] = []

    def step(self: Trainer, fraction: float) -> object:
        found = whole_step(self, fraction)
        if self.index == 8 and not ruined:
            ruined.append(True)
            with torch.no_grad():
                next(self.objective.modules["model"].parameters()).fill_(math.nan)
        return found

    monkeypatch.setattr(Trainer, "step", step)
    run = train("toy-tokens", tmp_path / "run", "checkpoint_seconds=1e-9")
    state = checkpoint.read(checkpoint.choose(run, "last", print))
    assert (run.finished, state.index, state.finite, state.attempt) == (True, 8, True, 1)


def test_a_bad_first_repetition_is_not_overlooked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lambda phase, batch, _: phase == "critic" and batch.positions[0] % 32 == 0  # noqa: E731
    spoil(monkeypatch, toys.Adversarial, first)
    with pytest.raises(GenctlError, match="diverged at step 20") as ended:
        train(SCORED, tmp_path / "run", "lr=2e-5", budget="40steps")
    assert "lr=1e-05" in ended.value.hint
    assert "fp32" not in ended.value.hint


def test_one_process_resumes_with_micro_batches_that_do_not_divide_the_batch(
    tmp_path: Path,
) -> None:
    """As older versions left them after memory had run out."""
    run = train("toy-tokens", tmp_path / "run", "batch_size=10", budget="2steps")
    run.write("last.json", {**run.read("last.json"), "finished": False})
    run.write("resolved.json", {**run.read("resolved.json"), "micro_batch": 3})
    assert train("toy-tokens", run.path, "batch_size=10", budget="2steps").finished
