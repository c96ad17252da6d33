"""What the engine promises every family, tried on the toys."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import genctl
from genctl.api.models import loading
from genctl.api.models.model import Model
from genctl.api.training import session
from genctl.api.training.request import TrainRequest
from genctl.api.training.train import run_training
from genctl.contracts import Batch, Loss, Noise, Step
from genctl.engine.reporting.loggers import JsonLines
from genctl.engine.training import checkpoint
from genctl.engine.training.nonfinite_guard import MAX_ATTEMPTS, MAX_SKIPPED
from genctl.engine.training.reports import PhaseReport
from genctl.engine.training.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError
from genctl.outputs.base import ArraySamples, SampleRequest
from genctl.outputs.images.callbacks import ImageCallbacks
from genctl.runs import Run
from tests.contracts import toys

NAMES = {"fd": "ema", "fd/long": "long"}
"""Of the toy that keeps two averages: how the log calls the score of each, and its name."""

FAMILIES = ("toy-adversarial", "toy-tokens", "toy-distil")
COUPLED = "toy-contrastive"


def train(family: str, out: Path, *sets: str, budget: str = "20steps", **options: Any) -> Run:
    return genctl.train(family, out=out, budget=budget, sets=sets, threads=1, **options)


def drawn(model: Model, n: int, **options: Any) -> np.ndarray:
    """The values of ``n`` samples of any family with arrays as output."""
    made = model.generate(SampleRequest(n, **options))
    assert isinstance(made, ArraySamples)
    return made.array


def with_teacher(family: str, folder: Path) -> list[str]:
    if family != "toy-distil":
        return []
    return [f"parents.teacher={train('toy-adversarial', folder / 'teacher', budget='4steps').path}"]


def weights(run: Run) -> torch.Tensor:
    tensors = checkpoint.group(checkpoint.choose(run, "last", print), "model")
    return torch.cat([tensor.flatten() for _, tensor in sorted(tensors.items())])


@pytest.mark.parametrize("family", [*FAMILIES, COUPLED])
def test_micro_batches_change_nothing_beyond_rounding(family: str, tmp_path: Path) -> None:
    sets = ["dropout=0", "optimizer=adamw", "lr=1e-3", *with_teacher(family, tmp_path)]
    whole = weights(train(family, tmp_path / "whole", *sets, budget="10steps"))
    cut = weights(train(family, tmp_path / "cut", *sets, "micro_batch=4", budget="10steps"))
    assert torch.allclose(whole, cut, atol=1e-5, rtol=0)
    assert not torch.equal(
        whole, weights(train(family, tmp_path / "seed", *sets, "seed=1", budget="10steps"))
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_depend_on_their_seed_alone(family: str, tmp_path: Path) -> None:
    run = train(family, tmp_path / "run", *with_teacher(family, tmp_path))
    model = genctl.load(run)
    one, seven, all_ = (drawn(model, 20, seed=3, batch_size=b) for b in (1, 7, 64))
    for other in (seven, all_):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1
        assert (one != other).mean() <= 1e-3
    assert np.array_equal(drawn(model, 5, seed=3), all_[:5])
    assert not np.array_equal(drawn(model, 20, seed=4), all_)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA"), RuntimeError("you tried to allocate 9 bytes")]
)
def test_samples_are_drawn_fewer_at_a_time_where_memory_runs_out(
    error: RuntimeError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = genctl.load(train("toy-adversarial", tmp_path / "run", budget="2steps"))
    whole, sample = model.sample(20, seed=3).array, toys.ImageSampler.sample
    sizes: list[int] = []

    def cramped(self: toys.ImageSampler, request: Any, condition: Batch, noise: Noise) -> Tensor:
        sizes.append(len(condition.positions))
        if sizes[-1] > limit:
            raise error
        return sample(self, request, condition, noise)

    monkeypatch.setattr(toys.ImageSampler, "sample", cramped)
    limit = 3
    again = model.sample(20, seed=3, batch_size=16).array
    assert sizes == [16, 8, 4, *[2] * 10]
    assert np.abs(whole.astype(int) - again.astype(int)).max() <= 1
    limit = 0
    with pytest.raises(type(error)):
        model.sample(1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("format", ["safetensors", "onnx"])
def test_exports_sample_alike(family: str, format: str, tmp_path: Path) -> None:
    from genctl.api.models.exporting import export

    run = train(family, tmp_path / "run", *with_teacher(family, tmp_path))
    expected = drawn(genctl.load(run), 6, seed=1)
    exported = export(run, format, tmp_path / ("out.onnx" if format == "onnx" else "out"))
    again = drawn(genctl.load(exported.path), 6, seed=1)
    assert np.abs(expected.astype(int) - again.astype(int)).max() <= 1


def test_only_the_phase_s_own_parameters_move(tmp_path: Path) -> None:
    """The generator's phase comes every second step: after one step of 2, it stands still."""
    sets = ["lr=0.1", "decay=0"]
    one = checkpoint.group(
        checkpoint.choose(
            train("toy-adversarial", tmp_path / "a", *sets, budget="1steps"), "last", print
        ),
        "model",
    )
    two = checkpoint.group(
        checkpoint.choose(
            train("toy-adversarial", tmp_path / "b", *sets, budget="2steps"), "last", print
        ),
        "model",
    )
    moved = {name.partition(".")[0] for name in one if not torch.equal(one[name], two[name])}
    assert moved == {"critic"}


def test_repeats_read_examples_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []
    loss = toys.Adversarial.loss

    def watched(self: toys.Adversarial, phase: str, batch: Batch, step: Step) -> Loss:
        seen.append((phase, batch.positions[0]))
        return loss(self, phase, batch, step)

    monkeypatch.setattr(toys.Adversarial, "loss", watched)
    run = train("toy-adversarial", tmp_path / "run", budget="3steps")
    assert seen == [
        ("critic", 0),
        ("critic", 16),
        ("generator", 0),
        ("critic", 32),
        ("critic", 48),
        ("critic", 64),
        ("critic", 80),
        ("generator", 64),
    ]
    assert run.read("last.json")["position"] == 96


def test_a_parent_is_kept_in_the_run_and_stays_frozen(tmp_path: Path) -> None:
    teacher = train("toy-adversarial", tmp_path / "teacher", budget="4steps")
    expected = genctl.load(teacher).sample(4).array
    run = train("toy-distil", tmp_path / "run", f"parents.teacher={teacher.path}")
    for path in checkpoint.all_checkpoints(teacher):
        (path / "manifest.json").unlink()
    kept = genctl.load(run.path / "parents" / "teacher")
    assert np.array_equal(kept.sample(4).array, expected)
    assert genctl.load(run).sample(4).array.shape == expected.shape


def test_a_teacher_that_changes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at it and its copy, and in the run itself."""
    one, other = (
        train("toy-adversarial", tmp_path / name, f"seed={seed}", budget="1steps")
        for seed, name in enumerate(("one", "other"))
    )
    teacher = tmp_path / "teacher"
    teacher.symlink_to(one.path)

    def swapped(*args: Any) -> object:
        teacher.unlink()
        teacher.symlink_to(other.path)
        return build(*args)

    with monkeypatch.context() as patch:
        build = loading.build_objective
        patch.setattr(session, "build_objective", swapped)
        with pytest.raises(GenctlError, match="other weights while this training was prepared"):
            train("toy-distil", tmp_path / "run", f"parents.teacher={teacher}", budget="1steps")
    assert not (tmp_path / "run").exists()
    run = train("toy-distil", tmp_path / "run", f"parents.teacher={teacher}", budget="1steps")
    run.write("last.json", {**run.read("last.json"), "finished": False})
    run.write("parents.json", {"teacher": {**run.read("parents.json")["teacher"], "sha256": "0"}})
    with pytest.raises(GenctlError, match="is not the teacher that the run began with"):
        train("toy-distil", run.path, f"parents.teacher={teacher}", budget="1steps")


def test_averages_are_kept_apart_and_can_be_chosen(tmp_path: Path) -> None:
    run = train("toy-adversarial", tmp_path / "run", "lr=0.05")
    kinds = [genctl.load(run, weights=w).sample(4).array for w in ("ema", "long", "raw")]
    assert not np.array_equal(kinds[0], kinds[1])
    assert not np.array_equal(kinds[0], kinds[2])
    with pytest.raises(GenctlError, match=r"unknown weights 'emma'; choose best, ema, long or raw"):
        genctl.load(run, weights="emma")


class TestNonFinite:
    """Bad gradients never reach the weights."""

    def spoil(self, monkeypatch: pytest.MonkeyPatch, bad: range, attempts: int) -> None:
        loss = toys.Tokens.loss
        count = {"bad": 0}

        def spoiled(self: toys.Tokens, phase: str, batch: Batch, step: Step) -> Loss:
            whole = loss(self, phase, batch, step)
            if step.index in bad and count["bad"] < attempts * len(bad):
                count["bad"] += 1
                return whole._replace(total=whole.total * float("nan"))
            return whole

        monkeypatch.setattr(toys.Tokens, "loss", spoiled)

    def test_one_bad_step_is_skipped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spoil(monkeypatch, range(5, 6), attempts=1)
        assert weights(train("toy-tokens", tmp_path / "run")).isfinite().all()

    def test_many_set_the_run_back_with_half_the_rate(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.spoil(monkeypatch, range(5, 5 + MAX_SKIPPED), attempts=1)
        run = train("toy-tokens", tmp_path / "run", "checkpoint_seconds=1e-9", budget="40steps")
        state = checkpoint.read(checkpoint.choose(run, "last", print))
        assert (state.attempt, state.rate_scale, state.finite) == (1, 0.5, True)

    def test_after_too_many_it_ends_with_its_own_status(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.spoil(monkeypatch, range(5, 10_000), attempts=1)
        with pytest.raises(GenctlError, match="diverged at step") as ended:
            train("toy-tokens", tmp_path / "run", "checkpoint_seconds=1e-9", budget="400steps")
        assert ended.value.code == ExitStatus.NON_FINITE
        assert "new=True, lr=" in ended.value.hint
        run = Run(tmp_path / "run")
        assert checkpoint.read(checkpoint.choose(run, "last", print)).attempt == MAX_ATTEMPTS


def test_a_place_may_be_given_as_text(tmp_path: Path) -> None:
    run = genctl.train("toy-tokens", out=str(tmp_path / "here"), budget="1steps", threads=1)
    assert run.path == tmp_path / "here"


def test_a_run_leaves_what_it_promises(tmp_path: Path) -> None:
    run = train("toy-adversarial", tmp_path / "run", "evaluations=2")
    names = {path.name for path in run.path.iterdir()}
    assert names >= {
        "config.json",
        "resolved.json",
        "env.json",
        "data.json",
        "metrics.jsonl",
        "curves.png",
        "samples",
        "checkpoints",
        "last.json",
        "best.json",
        "README.md",
    }
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert {"position", "elapsed", "critic/loss", "critic/grad_norm", "rate/critic"} <= set(rows[0])
    assert any("fd" in row for row in rows)
    best = run.read("best.json")
    scores = [(row[key], name) for key, name in NAMES.items() for row in rows if key in row]
    assert len(scores) == 2 * len(NAMES)
    assert (best["value"], best["weights"]) == min(scores)
    assert genctl.load(run).weights == best["weights"]
    assert genctl.load(run, weights="long").weights == "long"
    assert (run.checkpoints / best["checkpoint"]).is_dir()
    assert (run.samples / "reals.png").exists()


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass on the clock of `time.monotonic`, without waiting for them."""
    real, skipped = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + skipped[0])

    def let_pass(seconds: float) -> None:
        skipped[0] += seconds

    return let_pass


def steps_take(
    seconds: float, passed: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer.step

    def slowly(self: Trainer, fraction: float) -> dict[str, PhaseReport]:
        passed(seconds)
        return step(self, fraction)

    monkeypatch.setattr(Trainer, "step", slowly)


def test_a_budget_in_seconds_is_kept(
    tmp_path: Path, passed: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps_take(2, passed, monkeypatch)
    run = train("toy-tokens", tmp_path / "run", budget="200s")
    last = run.read("last.json")
    assert last["finished"]
    assert 150 < last["elapsed"] < 200
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    fractions = [f for row in rows for f in row["fractions"]]
    assert len(fractions) == last["step"]
    assert fractions == sorted(fractions)


@pytest.mark.parametrize(("scores", "fewest", "most"), [(1, 64, 120), (100, 0, 0), (1000, 0, 0)])
def test_a_budget_in_seconds_has_room_for_scores(
    scores: int,
    fewest: int,
    most: int,
    tmp_path: Path,
    passed: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand samples of two averages would take 200 s; a fifth of the budget is 24 s."""
    sample = toys.ImageSampler.sample
    drawn: list[int] = []

    def slowly(self: toys.ImageSampler, request: Any, condition: Batch, noise: Noise) -> Tensor:
        passed(0.1 * len(condition.positions))
        drawn.append(len(condition.positions))
        return sample(self, request, condition, noise)

    monkeypatch.setattr(toys.ImageSampler, "sample", slowly)
    steps_take(3, passed, monkeypatch)
    began = time.monotonic()
    run = train("toy-adversarial", tmp_path / "run", f"evaluations={scores}", budget="120s")
    assert time.monotonic() - began < 180
    assert fewest <= run.read("scoring.json")["samples"] <= most
    assert (run.read("best.json") is None) == (most == 0)
    assert sum(drawn) <= 2 * (64 + most)


def test_a_resumed_run_scores_as_many_samples_as_before(
    tmp_path: Path, passed: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of an older version, which kept their number elsewhere and did not count scores."""
    steps_take(3, passed, monkeypatch)
    run = train("toy-adversarial", tmp_path / "run", "evaluations=2", budget="60s")
    assert run.read("scoring.json") is None
    (run.path / "scored.json").unlink()
    run.write("last.json", {**run.read("last.json"), "finished": False})
    run.write("resolved.json", {**run.read("resolved.json"), "scored": 70})
    scored: list[int] = []

    def evaluated(self: ImageCallbacks, modules: object, n: int) -> dict[str, float]:
        scored.append(n)
        return {"fd": 1.0}

    monkeypatch.setattr(ImageCallbacks, "evaluate", evaluated)
    train("toy-adversarial", run.path, "evaluations=2", budget="60s")
    assert set(scored) == {70}
    assert run.read("scoring.json") == {"samples": 70}


def test_a_budget_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    begun_before = time.monotonic() - 100
    with pytest.raises(GenctlError, match="is spent before training can begin") as refused:
        run_training(
            TrainRequest("toy-tokens", out=tmp_path / "run", budget="60s"), started=begun_before
        )
    assert refused.value.code == ExitStatus.USAGE


def test_rows_beyond_the_resumed_step_are_written_again(tmp_path: Path) -> None:
    run = train("toy-tokens", tmp_path / "run", "checkpoint_seconds=1e-9")
    rows = (run.path / "metrics.jsonl").read_text()
    log = JsonLines(run.path / "metrics.jsonl", resume_position=0)
    log.close()
    assert (run.path / "metrics.jsonl").read_text() == ""
    (run.path / "metrics.jsonl").write_text(rows + '{"position": 9')
    JsonLines(run.path / "metrics.jsonl", resume_position=10**9).close()
    assert (run.path / "metrics.jsonl").read_text() == rows


def test_resuming_needs_the_same_settings(tmp_path: Path) -> None:
    run = train("toy-tokens", tmp_path / "run")
    with pytest.raises(GenctlError, match="is finished"):
        train("toy-tokens", run.path)
    with pytest.raises(GenctlError, match=r"train\.lr was 0\.001, now 0\.01") as refused:
        train("toy-tokens", run.path, "lr=0.01")
    assert refused.value.code == ExitStatus.USAGE


def test_a_run_of_an_older_version_has_the_defaults_of_keys_that_it_did_not_know(
    tmp_path: Path,
) -> None:
    run = train("toy-tokens", tmp_path / "run")
    document = run.read("config.json")
    del document["config"]["data"]["flip"]
    (run.path / "config.json").write_text(json.dumps(document), "utf-8")
    with pytest.raises(GenctlError, match="is finished"):
        train("toy-tokens", run.path)
    with pytest.raises(GenctlError, match=r"data\.flip was False, now True"):
        train("toy-tokens", run.path, "data.flip=true")
