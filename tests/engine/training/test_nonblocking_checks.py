"""Steps that nobody waits for, as on a GPU: the same bits, and bad gradients change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import genctl
from genctl.engine.training import checkpoint
from genctl.engine.training.nonfinite_guard import MAX_SKIPPED
from genctl.engine.training.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from tests.bad_gradients import spoil_gradients

SETTINGS = {
    "gan": ("width=8", "augment=cutout", "augment_target=0.5", "clip=1"),
    "diffusion": ("width=8",),
    "lm": ("width=16", "depth=1", "heads=2", "kv_heads=1", "context=16", "tokenizer=byte"),
}
WAITING = ("item", "cpu", "tolist", "numpy", "__bool__", "__float__", "__int__")


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let trainers on the CPU do as they do on a GPU."""

    def begin() -> None:
        made = Trainer.__init__

        def init(self: Trainer, *args: Any, **kwargs: Any) -> None:
            made(self, *args, **kwargs)
            self.nonblocking_checks = True

        monkeypatch.setattr(Trainer, "__init__", init)

    return begin


def train(family: str, out: Path, *sets: str, steps: int = 6) -> Run:
    brief = ("evaluations=0", "batch_size=4", "checkpoint_seconds=1000", *SETTINGS[family])
    return genctl.train(family, out=out, budget=f"{steps}steps", sets=[*brief, *sets], threads=1)


def weights(run: Run) -> Mapping[str, torch.Tensor]:
    return checkpoint.read(checkpoint.choose(run, "last", print)).tensors["model"]


@pytest.mark.parametrize(
    ("family", "optimizer"), [("gan", "adam"), ("diffusion", "muon"), ("lm", "muon"), ("lm", "sgd")]
)
def test_the_same_bits_as_with_waiting(
    family: str,
    optimizer: str,
    tmp_path: Path,
    hurry: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sets = (f"optimizer={optimizer}", "weight_decay=0.1")
    spoil_gradients(monkeypatch, range(2, 4), float("inf"))
    waited = weights(train(family, tmp_path / "waited", *sets))
    hurry()
    hurried = weights(train(family, tmp_path / "hurried", *sets))
    assert not [name for name in waited if not torch.equal(waited[name], hurried[name])]
    assert all(tensor.isfinite().all() for tensor in hurried.values())


@pytest.mark.parametrize(
    ("family", "optimizer"), [("gan", "adam"), ("diffusion", "adam"), ("lm", "muon")]
)
def test_a_step_asks_the_device_for_nothing(
    family: str,
    optimizer: str,
    tmp_path: Path,
    hurry: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    run, inside = Trainer._run, {"step": False}  # the batch it is given comes from the CPU

    def watched(self: Trainer, *args: Any) -> object:
        inside["step"] = True
        try:
            return run(self, *args)
        finally:
            inside["step"] = False

    for name in WAITING:
        original = getattr(torch.Tensor, name)

        def heard(self: Any, *args: Any, _name: str = name, _original: Any = original) -> Any:
            if inside["step"]:
                asked.append(_name)
            return _original(self, *args)

        monkeypatch.setattr(torch.Tensor, name, heard)
    monkeypatch.setattr(Trainer, "_run", watched)
    hurry()
    train(family, tmp_path / "run", f"optimizer={optimizer}")
    assert asked == []


def test_bad_gradients_in_a_row_are_noticed_all_the_same(
    tmp_path: Path, hurry: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry()
    spoil_gradients(monkeypatch, range(3, 10_000), float("inf"))
    with pytest.raises(GenctlError, match="diverged") as ended:
        train("lm", tmp_path / "run", "checkpoint_seconds=1e-9", steps=10 * MAX_SKIPPED)
    assert ended.value.code == ExitStatus.NON_FINITE
