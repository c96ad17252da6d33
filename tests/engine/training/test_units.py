"""Budgets and displays count tokens where examples are windows of them; positions stay examples."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import genctl
from genctl.api.training.request import TrainRequest
from genctl.api.training.train import run_training
from genctl.engine.reporting import progress
from genctl.engine.reporting.loggers import read_rows
from genctl.output import Output

SETS = ("width=16", "depth=1", "heads=2", "context=32", "short_context=0", "batch_size=4")


def test_a_run_on_text_counts_its_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    text = tmp_path / "唐诗.txt"
    text.write_text("春眠不觉晓,处处闻啼鸟。夜来风雨声,花落知多少。\n" * 40, "utf-8")
    said = io.StringIO()
    request = TrainRequest(
        "lm",
        out=tmp_path / "run",
        data=str(text),
        budget="256tok",
        sets=(*SETS, "tokenizer=char", "evaluations=0"),
        threads=1,
    )
    run = run_training(request, Output(stderr=said))
    assert run.read("last.json")["position"] == 8
    assert read_rows(run.path / "metrics.jsonl")[-1]["position"] == 8
    last = next(line for line in reversed(said.getvalue().splitlines()) if " tok/s" in line)
    assert last.startswith("100%  256 tok  ")
    for name, content in run_artefacts(run.path).items():
        assert content, name


def run_artefacts(path: Path) -> dict[str, bytes]:
    names = genctl.load(path).data.assets
    assert names
    return {name: (path / name).read_bytes() for name in names}
