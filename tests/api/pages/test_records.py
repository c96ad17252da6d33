"""What the records of a run say, also where they are damaged or belong to others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genctl.api.pages.records import data_of, previews_of, state_of
from genctl.api.pages.run_page import write_run_page
from genctl.cli import main
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from tests.data.pictures import pixels, write
from tests.export.models import tiny_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = tiny_run(tmp_path / "runs" / "gan-1")
    found.write("env.json", {"starts": []})
    return found


def test_the_data_and_the_state_of_a_run(run: Run) -> None:
    data = data_of(run)
    assert data is not None
    assert data.fingerprint == run.read("data.json")["fingerprint"]
    assert state_of(run) == ("finished" if run.finished else "unfinished", None)
    with run.lock():
        assert state_of(run)[0] == "running"
    (run.path / "data.json").unlink()
    assert data_of(run) is None


def test_data_of_a_newer_format_are_an_error_of_data(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run.write("data.json", {**run.read("data.json"), "format": 3})
    for words in (["info", str(run.path)], ["watch", str(run.path), "--save", "x.html"]):
        assert main(words) == ExitStatus.DATA
        assert "data.json is damaged: its format is 3" in capsys.readouterr().err


def test_a_best_score_without_a_value_stops_no_listing(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run.write("best.json", {"checkpoint": "x", "step": 1, "metric": "fd", "value": None})
    assert main(["runs", "ls"]) == 0
    assert "damaged" in capsys.readouterr().out
    assert main(["watch", run.name, "--save", "x.html"]) == ExitStatus.DATA
    assert "best.json is damaged: 'value' is not a number" in capsys.readouterr().err


@pytest.mark.parametrize("scores", [[{"name": "x", "value": None}], [{}], [3], None])
def test_damaged_scores_are_an_error_of_data(scores: object, run: Run) -> None:
    run.write("eval.json", {"scores": scores})
    with pytest.raises(GenctlError, match=r"eval\.json does not contain scores") as refused:
        write_run_page(run)
    assert refused.value.code == ExitStatus.DATA


def test_an_export_whose_document_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for document in ({}, {"config": {"family": "gan", "preset": "mlp"}, "data": {"format": 3}}):
        (tmp_path / "genctl.json").write_text(json.dumps(document))
        assert main(["info", str(tmp_path)]) == ExitStatus.DATA
        assert "is damaged" in capsys.readouterr().err


def test_previews_of_any_suffix_are_on_the_page(run: Run, tmp_path: Path) -> None:
    write(run.samples / "step-00000010.png", pixels(0))
    write(run.samples / "step8-ema-seed0-n4.png", pixels(0))
    (run.samples / "step-00000009.mid").write_bytes(b"MThd")
    (run.samples / "step-last.txt").write_text("no step")
    found = [(file.path.name, file.kind, file.step) for file in previews_of(run)]
    assert found == [("step-00000009.mid", "file", 9), ("step-00000010.png", "image", 10)]
    text = write_run_page(run, tmp_path / "new" / "dir" / "p.html").read_text("utf-8")
    assert 'base64,TVRoZA==" download="step-00000009.mid"' in text
    assert text.count("data:image/png") == 1
