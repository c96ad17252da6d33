"""Steps whose numbers are known: gradients that ranks lack, repetitions, memory, seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from genctl.contracts import Loss
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.training.context import reseed
from genctl.engine.training.reports import PhaseReport, Window
from genctl.engine.training.trainer import Trainer
from genctl.errors import GenctlError
from tests.engine.training.heads import Heads, trainer, values
from tests.kills import needs_fork
from tests.processes import in_processes


@needs_fork
def test_ranks_sum_gradients_that_only_some_of_them_have(tmp_path: Path) -> None:
    one = Heads()
    trainer(one).step(0.0)
    assert values(one) == {"a": -0.5, "b": -5.0}

    def step(together: Trainer) -> None:
        if not together.world.is_main:
            together.world.receive_command()
        together.step(0.0)

    def work(rank: int) -> None:
        world, objective = ProcessGroup.join("cpu"), Heads()
        together = trainer(objective, world)
        step(together)
        (tmp_path / str(rank)).write_text(json.dumps(values(objective)))
        objective.metric = str
        with pytest.raises(ValueError, match="names of the metrics differ"):
            step(together)
        world.destroy()

    assert in_processes(work) == [0, 0]
    assert [json.loads((tmp_path / str(rank)).read_text()) for rank in (0, 1)] == [values(one)] * 2


@pytest.mark.parametrize("spoiled", [0, 3])
def test_a_step_is_finite_if_each_repetition_is(spoiled: int) -> None:
    reports = trainer(Heads(repeat=2, spoiled=frozenset({spoiled}))).step(0.0)
    assert not reports["train"].finite
    good = trainer(Heads(repeat=2)).step(0.0)["train"]
    assert good.finite
    assert (float(good.metrics["loss"]), float(good.weight)) == (0 + 1 + 2 + 3, 4)
    assert float(good.norm) == pytest.approx((0.5**2 + 5**2) ** 0.5)


def test_bad_steps_are_left_out_of_the_means() -> None:
    def report(value: float) -> PhaseReport:
        number = torch.tensor(value)
        return PhaseReport({"loss": number}, torch.tensor(2.0), number, number.isfinite())

    window = Window()
    for value in (4.0, float("nan"), 8.0):
        window.add({"train": report(value)}, 0.5)
    assert window.means() == {"train/loss": 3.0, "train/grad_norm": 6.0}
    assert window.fractions == [0.5] * 3
    only_bad = Window()
    only_bad.add({"train": report(float("inf"))}, 0.0)
    assert only_bad.means() == {}


def test_a_phase_without_gradients_is_named() -> None:
    objective = Heads()
    unused = torch.zeros((), requires_grad=True)
    objective.loss = lambda *_: Loss(unused * 1, 1, {})  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="no parameter of the phase 'train' got a gradient"):
        trainer(objective).step(0.0)


def short_of_memory(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    loss = Heads.loss

    def limited(self: Heads, phase: str, batch: object, step: object) -> Loss:
        if len(batch.positions) > limit:  # type: ignore[attr-defined]
            raise torch.OutOfMemoryError("simulated")
        return loss(self, phase, batch, step)  # type: ignore[arg-type]

    monkeypatch.setattr(Heads, "loss", limited)


def test_smaller_micro_batches_divide_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    short_of_memory(monkeypatch, 4)
    training = trainer(Heads(), batch_size=10, micro_batch=10)
    kept: list[int] = []
    training.on_settings_changed = lambda changed: kept.append(changed.micro_batch)
    training.step(0.0)
    assert kept == [5, 2]


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"batch_size": 10, "micro_batch": 5}, "micro_batch=2"),
        ({"micro_batch": 1}, "recompute=True"),
        ({"micro_batch": 1, "recompute": True}, "train a smaller model"),
    ],
)
def test_what_needs_less_memory_is_suggested(settings: dict[str, int], hint: str) -> None:
    error = trainer(Heads(), **settings).gradients.exhausted()
    assert isinstance(error, GenctlError)
    assert hint in error.hint


@pytest.mark.parametrize(("name", "seeded"), [("cuda:1", 1), ("cuda", 0)])
def test_the_device_of_the_run_is_seeded(
    name: str, seeded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    generators = (torch.Generator(), torch.Generator())
    monkeypatch.setattr(torch.cuda, "default_generators", generators, raising=False)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    before = [generator.initial_seed() for generator in generators]
    reseed(torch.device(name), 7)
    assert generators[seeded].initial_seed() == 7
    assert generators[1 - seeded].initial_seed() == before[1 - seeded]
