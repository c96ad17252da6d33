"""A coupled phase: micro-batches, processes and memory change no gradient."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genctl.config import TrainConfig
from genctl.contracts import Batch, CoupledObjective, Loss, Phase, Step
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.parallel.sharding import full
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.trainer import Trainer
from genctl.weights import flatten, load_tensors, save_tensors
from tests.contracts.contrastive import Contrastive
from tests.contracts.toys import ToyConfig
from tests.kills import needs_fork
from tests.processes import in_own_process, in_processes
from tests.specs import image_spec

BATCH = 28
SETTINGS = RunSettings(
    seed=0, batch_size=BATCH, micro_batch=BATCH, device="cpu", precision="fp32", threads=1
)
PASSES = "genctl.engine.training.gradients.backward_coupled"
TEMPERATURE = "temperature.temperature.logit_scale"


class Images:
    """Random images whose pixels follow from their positions."""

    spec = image_spec("random", (1, 7, 7), examples=1000)
    assets: Mapping[str, bytes] = {}

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        share = batch_size // world
        while True:
            first = position + rank * share
            places = range(first, first + share)
            images = [
                torch.rand(1, 7, 7, generator=torch.Generator().manual_seed(place))
                for place in places
            ]
            yield Batch({"image": 2 * torch.stack(images) - 1}, places)
            position += batch_size

    def held_out(self) -> None: ...


def objective(dropout: float = 0.0) -> Contrastive:
    torch.manual_seed(0)
    config = SimpleNamespace(model=ToyConfig(dropout=dropout), train=TrainConfig())
    return Contrastive(config, Images.spec, {})


def gradients(
    settings: RunSettings = SETTINGS,
    *,
    dropout: float = 0.0,
    world: ProcessGroup | None = None,
) -> dict[str, Tensor]:
    """The mean gradients of a step, as the optimizers see them."""
    trainer = Trainer(objective(dropout), Images(), settings, world)
    if settings.precision == "fp16":  # torch begins with a scale that overflows
        trainer.precision.scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    seen: dict[str, Tensor] = {}
    for name, parameters in trainer.optimizers.parameters.items():

        def look(
            *_: object, name: str = name, parameters: Mapping[str, nn.Parameter] = parameters
        ) -> None:
            seen.update({f"{name}.{key}": full(p.grad).clone() for key, p in parameters.items()})

        trainer.optimizers[name].register_step_pre_hook(look)
    if world and not world.is_main:
        world.receive_command()  # what the step of rank 0 sends
    trainer.step(0.0)
    return seen


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor], limit: float) -> None:
    assert found.keys() == expected.keys()
    assert TEMPERATURE in found
    errors = {n: float((found[n] - expected[n]).norm() / expected[n].norm()) for n in expected}
    assert max(errors.values()) <= limit, errors


@pytest.mark.parametrize("micro_batch", [1, 7])
@pytest.mark.parametrize("recompute", [False, True])
def test_micro_batches_change_no_gradient(micro_batch: int, recompute: bool) -> None:
    settings = dataclasses.replace(SETTINGS, micro_batch=micro_batch, recompute=recompute)
    assert_equal(gradients(settings), gradients(), 1e-6)


def test_separate_losses_would_be_another_objective() -> None:
    whole = gradients()
    half = gradients(dataclasses.replace(SETTINGS, batch_size=BATCH // 2))
    with pytest.raises(AssertionError):
        assert_equal(half, whole, 0.1)


def in_one_graph(
    parts: Sequence[Batch],
    outputs: Callable[[Batch], Mapping[str, Tensor]],
    loss: Callable[[Batch], Loss],
    backward: Callable[[Tensor], None],
) -> Loss:
    """What the three passes stand for: all micro-batches in one graph."""
    each = [outputs(part) for part in parts]
    rows = {name: torch.cat([found[name] for found in each]) for name in each[0]}
    found = loss(Batch(rows, [place for part in parts for place in part.positions]))
    backward(found.total)
    return found


@pytest.mark.parametrize("recompute", [False, True])
def test_dropout_is_the_same_in_both_passes(
    recompute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:

    settings = dataclasses.replace(SETTINGS, micro_batch=7, recompute=recompute)
    found = gradients(settings, dropout=0.5)
    with pytest.raises(AssertionError):
        assert_equal(found, gradients(settings), 0.1)
    monkeypatch.setattr(PASSES, in_one_graph)
    assert_equal(found, gradients(settings, dropout=0.5), 1e-6)


@needs_fork
@pytest.mark.parametrize(
    ("size", "shard", "micro_batch"),
    [(2, False, BATCH), (2, False, 7), (4, False, 1), (2, True, 7), (4, True, 1)],
)
def test_processes_change_no_gradient(
    size: int, shard: bool, micro_batch: int, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, micro_batch=micro_batch, shard=shard)

    def work(rank: int) -> None:
        world = ProcessGroup.join("cpu")
        found = gradients(settings, world=world)
        save_tensors(tmp_path / f"{rank}.safetensors", found)
        world.destroy()

    expected = gradients()  # here first: what it imports need not be imported by each
    assert in_processes(work, size, seconds=120) == [0] * size
    for rank in range(size):
        assert_equal(load_tensors(tmp_path / f"{rank}.safetensors"), expected, 1e-6)


def test_memory_that_runs_out_halves_the_micro_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, whole = gradients(), Contrastive.outputs
    sizes: list[int] = []

    def cramped(self: Contrastive, phase: str, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        sizes.append(len(batch.positions))
        # With a graph less fits than without one.
        if sizes[-1] > (7 if torch.is_grad_enabled() else 14):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(self, phase, batch, step)

    monkeypatch.setattr(Contrastive, "outputs", cramped)
    assert_equal(gradients(), expected, 1e-6)
    assert sizes == [28, 14, 14, 14, *[7] * 8]


class Held:
    """A tensor that a graph keeps, and the numbers in all that are kept at the moment."""

    now = most = 0

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        Held.now += tensor.numel()
        Held.most = max(Held.most, Held.now)

    def __del__(self) -> None:
        Held.now -= self.tensor.numel()


def test_the_graph_of_one_micro_batch_is_held_at_a_time() -> None:
    def peak(micro_batch: int) -> int:
        Held.most = 0
        with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
            gradients(dataclasses.replace(SETTINGS, micro_batch=micro_batch))
        return Held.most

    assert peak(4) < 0.4 * peak(BATCH)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_half_precision_and_its_loss_scale_change_little(amp: str) -> None:
    half = dataclasses.replace(SETTINGS, precision=amp)
    whole, cut = gradients(half), gradients(dataclasses.replace(half, micro_batch=7))
    assert_equal(cut, whole, 0.02)
    assert_equal(cut, gradients(), 0.1)


def test_gradients_that_are_not_finite_reach_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Contrastive.loss

    def spoiled(*given: Any) -> Loss:
        found = whole(*given)
        return found._replace(total=found.total * float("nan"))

    monkeypatch.setattr(Contrastive, "loss", spoiled)
    made = objective()
    before = {name: tensor.clone() for name, tensor in flatten(made.modules).items()}
    trainer = Trainer(made, Images(), dataclasses.replace(SETTINGS, micro_batch=7))
    assert not trainer.step(0.0)["match"].finite
    assert not [n for n, t in flatten(made.modules).items() if not torch.equal(t, before[n])]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("c++"), reason="needs a C++ compiler")
@in_own_process
def test_compiled_blocks_give_the_same_dropout_in_both_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = dataclasses.replace(SETTINGS, micro_batch=7, compile=True)
    found = gradients(settings, dropout=0.5)
    monkeypatch.setattr(PASSES, in_one_graph)
    assert_equal(found, gradients(settings, dropout=0.5), 1e-6)


def test_an_objective_without_outputs_is_refused() -> None:
    made = objective()
    assert isinstance(made, CoupledObjective)
    without = SimpleNamespace(**{key: getattr(made, key) for key in vars(made)}, loss=made.loss)
    with pytest.raises(ValueError, match=r"'match' is coupled.*SimpleNamespace has no method"):
        Trainer(without, Images(), SETTINGS)


def test_outputs_without_a_row_for_each_example_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = Contrastive.outputs
    monkeypatch.setattr(
        Contrastive,
        "outputs",
        lambda *given: {**whole(*given), "scale": torch.ones(())},
    )
    with pytest.raises(ValueError, match=r"'scale' has the shape \(\), .* 28 examples"):
        gradients()


def test_input_gradients_and_coupled_phases_do_not_mix() -> None:
    with pytest.raises(ValueError, match="'match' cannot take input gradients"):
        Phase("match", (), coupled=True, second_order=4)
