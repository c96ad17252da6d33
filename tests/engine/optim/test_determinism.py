"""A deterministic run changes nothing for the next one in the same process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
import torch

import genctl
from genctl.engine.optim.determinism import determinism
from genctl.engine.training.trainer import Trainer

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
FASTEST = (False, False, True, None)


def state() -> tuple[object, ...]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        os.environ.get(WORKSPACE),
    )


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    monkeypatch.delenv(WORKSPACE, raising=False)


def test_what_was_set_comes_back_after_an_error() -> None:
    before = state()
    with contextlib.suppress(KeyError), determinism(wanted=True):
        assert state() == (True, True, False, ":4096:8")
        raise KeyError
    assert state() == before
    with determinism(wanted=False):
        assert state() == FASTEST
    assert state() == before


def test_a_workspace_of_the_user_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKSPACE, ":16:8")
    with determinism(wanted=True):
        assert os.environ[WORKSPACE] == ":16:8"
    assert os.environ[WORKSPACE] == ":16:8"


def test_a_run_is_deterministic_and_the_next_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[object, ...]] = []
    step = Trainer.step

    def looked(self: Trainer, fraction: float) -> object:
        seen.append(state())
        return step(self, fraction)

    monkeypatch.setattr(Trainer, "step", looked)
    before = state()
    for name, wanted in (("first", "true"), ("second", "false")):
        sets = (f"deterministic={wanted}", "width=8", "evaluations=0", "batch_size=4")
        genctl.train("gan", out=tmp_path / name, budget="1steps", sets=sets, threads=1)
    assert seen == [(True, True, False, ":4096:8"), FASTEST]
    assert state() == before
