"""The same run goes on however its data, its parents and its folder are spelt."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from genctl import config, registry, runs
from genctl.api.training.resuming import find_resumable
from genctl.errors import GenctlError
from genctl.runs import Run

NO_MORE: Mapping[str, str] = {}


def configured(source: str, more: Mapping[str, str]) -> config.Config:
    flags = {"data.kind": "text", "data.source": source, **more}
    return config.resolve(registry.get("lm"), flags=flags)


def begun(place: Path, source: str, more: Mapping[str, str] = NO_MORE) -> Run:
    """A run of no steps, as its documents record it."""
    place.mkdir(parents=True)
    run = Run(place)
    wanted = configured(source, more)
    run.write("config.json", {"config": wanted.to_json(), "origins": dict(wanted.origins)})
    known = {"source": source, "name": "d", "unit": "tok", "examples": 1, "fingerprint": "f"}
    run.write("data.json", known)
    return run


def found(
    source: str,
    fingerprint: str = "f",
    out: Path | None = None,
    more: Mapping[str, str] = NO_MORE,
) -> Run | None:
    wanted = configured(source, more)
    return find_resumable(wanted, fingerprint, out=out, new=False, warn=pytest.fail)


@pytest.mark.parametrize("spelling", ["d", "d/", "./d", "../here/d", "absolute", "link"])
def test_data_is_known_by_its_content(
    spelling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "d").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    os.symlink("d", "link")
    run = begun(runs.runs_root() / "lm-d-1", "d")
    source = str(tmp_path / "here" / "d") if spelling == "absolute" else spelling
    assert found(source) == run
    assert found(source, "other content") is None


@pytest.mark.parametrize("key", ["data.tokenizer", "parents.init"])
def test_paths_in_settings_are_compared_as_paths(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    run = begun(runs.runs_root() / "lm-d-1", "d", {key: "one"})
    assert found("d", more={key: "./one"}) == run
    assert found("d", more={key: str(tmp_path / "one")}) == run
    assert found("d", more={key: "two"}) is None


def test_a_folder_is_resumed_by_any_spelling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    begun(tmp_path / "r", "d")
    os.symlink("r", "link")
    for out in ("r", "r/", "./r", str(tmp_path / "r"), "link"):
        run = found("d", out=Path(out))
        assert run is not None
        assert run.path.samefile(tmp_path / "r")


@pytest.mark.parametrize("there", ["a file", "a folder with notes", "a link to a file"])
def test_what_is_no_run_is_refused(there: str, tmp_path: Path) -> None:
    out, notes = tmp_path / "out", tmp_path / "notes"
    notes.write_text("precious")
    if there == "a file":
        out.write_text("precious")
    elif there == "a link to a file":
        out.symlink_to(notes)
    else:
        out.mkdir()
        (out / "notes").touch()
    with pytest.raises(GenctlError, match="exists and is not a run folder"):
        found("d", out=out)
    assert notes.read_text() == "precious"
    assert out.exists()
