from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import genctl
from genctl.engine.reporting import loggers
from genctl.errors import ExitStatus, GenctlError


def test_tensorboard_gets_the_metrics(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = genctl.train(
        "gan", out=tmp_path / "run", preset="mlp", budget="2steps", log=["tensorboard"],
        sets=["evaluations=0"], threads=1,
    )  # fmt: skip
    events = EventAccumulator(str(run.path / "tensorboard")).Reload()
    rows = loggers.read_rows(run.path / "metrics.jsonl")
    logged = events.Scalars("discriminator/loss")
    assert [(event.step, pytest.approx(event.value)) for event in logged] == [
        (row["position"], row["discriminator/loss"]) for row in rows
    ]


def test_damaged_rows_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    damaged = (b'{"positi', b'{"position": 2, "los\xb7": 1}', b"7", b'{"loss": 1}', b"[" * 9999)
    path.write_bytes(b'{"position": 1}\n' + b"\n".join(damaged) + b'\n{"position": 3}\n')
    assert [row["position"] for row in loggers.read_rows(path)] == [1, 3]
    loggers.JsonLines(path, resume_position=2).close()
    assert path.read_text() == '{"position": 1}\n'


def test_names_and_packages_are_checked_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GenctlError, match="unknown logger 'tensorbord'; did you mean"):
        genctl.train("gan", out=tmp_path / "run", log=["tensorbord"])

    def absent(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(GenctlError, match="needs the package wandb") as refused:
        loggers.logger_type("wandb")
    assert refused.value.code == ExitStatus.USAGE
    assert refused.value.hint == 'pip install "genctl[wandb]"'
    assert not (tmp_path / "run").exists()


def test_weights_and_biases_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = genctl.train(
        "gan", out=tmp_path / "run", preset="mlp", budget="2steps", log=["wandb"],
        sets=["evaluations=0"], threads=1,
    )  # fmt: skip
    (kept,) = (run.path / "wandb").glob("offline-run-*/*.wandb")
    assert b"discriminator/loss" in kept.read_bytes()
