"""``models``, ``runs`` and ``doctor``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from genctl import registry
from genctl.cli import checks
from genctl.cli.checks import Check
from genctl.cli.views.runs import age_text
from genctl.cli.views.tables import table
from genctl.registry import BrokenPlugin, specs
from genctl.runs import Run, started_now
from tests.command_line import Type


def test_models_lists_every_family(type_: Type) -> None:
    names = [spec.name for spec in specs()]
    said = type_("models")
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == names
    assert [entry["name"] for entry in type_("models", "--json").json["models"]] == names
    assert type_("models", "-q").out.split() == names


def test_models_shows_one_family(type_: Type) -> None:
    said = type_("models", "gan")
    assert "model.width" in said.out
    assert "truncation" in said.out
    document = type_("models", "gan", "--json").json
    assert document["presets"]["mlp"]["model.architecture"] == "mlp"
    widths = [option for option in document["options"] if option["key"] == "model.width"]
    assert [(w["type"], w["default"]) for w in widths] == [("int >= 4", 24)]


def test_models_warns_of_a_broken_plugin(type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = BrokenPlugin("vae", "vae:SPEC", "ImportError: no module")
    monkeypatch.setattr(registry, "broken_plugins", lambda: [broken])
    said = type_("models")
    assert said.code == 0
    assert "warning: plug-ins that do not load: vae; see genctl doctor" in said.err


def test_no_runs_yet(type_: Type) -> None:
    said = type_("runs", "ls")
    assert said.code == 0
    assert "start one with genctl train gan" in said.out
    assert type_("runs", "ls", "--json").json["runs"] == []


def test_runs_ls(type_: Type, run: str) -> None:
    (listed,) = type_("runs", "ls", "--json").json["runs"]
    wanted = {"run": run, "family": "gan", "state": "finished", "step": 2, "examples": 128}
    assert listed.items() >= wanted.items()
    header, row = type_("runs", "ls").out.splitlines()
    assert header.split() == ["RUN", "FAMILY", "STATE", "STEP", "EXAMPLES", "BEST", "SIZE", "AGE"]
    assert row.split()[:5] == [run, "gan", "finished", "2", "128"]
    assert type_("runs", "ls", "-q").out.strip().endswith(run)


def test_runs_ls_says_who_holds_a_run_and_survives_a_damaged_one(
    type_: Type, tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    held, damaged = Run(root / "gan-a-1"), Run(root / "gan-b-1")
    for one in (held, damaged):
        one.path.mkdir(parents=True)
        sections: dict[str, dict[str, object]] = {
            name: {} for name in ("model", "data", "train", "sample")
        }
        config = {"family": "gan", "preset": "mlp", "seed": 0, **sections}
        one.write("config.json", {"config": config, "origins": {}})
    (damaged.path / "config.json").write_text("{")
    with held.lock():
        rows = {row["run"]: row for row in type_("runs", "ls", "--json").json["runs"]}
    assert rows["gan-a-1"]["state"] == "running"
    assert rows["gan-a-1"]["holder"].startswith("process ")
    assert rows["gan-b-1"]["state"] == "damaged"


def test_runs_show_has_what_is_no_default_first(type_: Type, run: str) -> None:
    said = type_("runs", "show", run)
    settings = said.out.partition("KEY")[2].splitlines()[1:]
    defaults = [line.endswith("default") and "preset" not in line for line in settings]
    assert defaults == sorted(defaults)
    assert any(line.split() == ["train.budget", "2steps", "options"] for line in settings)
    document = type_("runs", "show", run, "--json").json
    assert document["config"]["model"]["architecture"] == "mlp"
    assert document["origins"]["model.architecture"] == "preset mlp"
    assert len(document["starts"]) == 1


def test_the_columns_of_a_table_align_in_chinese_too() -> None:
    first, second = table([("数字", "x"), ("gan-1", "y")]).splitlines()
    assert first == "数字   x"
    assert second == "gan-1  y"
    assert table([]) == ""


@pytest.mark.parametrize(("ago", "text"), [("", r"\d s"), ("2020-01-01T00:00:00+00:00", r"\d+ d")])
def test_ages(ago: str, text: str) -> None:
    assert re.fullmatch(text, age_text(ago or started_now()))


def test_doctor_on_a_sound_machine(type_: Type) -> None:
    said = type_("doctor", "--json")
    assert said.code == 0, said.out
    assert said.json["ok"]
    names = {check["name"] for check in said.json["checks"]}
    assert {"python", "torch", "torchvision", "device cpu", "extra onnx", "runs"} <= names
    assert "inception weights" in type_("doctor").out


def test_doctor_exits_with_1_when_something_needed_is_broken(
    type_: Type, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("GENCTL_RUNS", str(file / "runs"))
    said = type_("doctor")
    assert said.code == 1
    assert "GENCTL_RUNS" in said.out
    assert type_("doctor", "-q").out.split() == ["runs"]


def test_a_check_that_fails_by_itself_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def _torch() -> list[Check]:
        raise ImportError("libcudart.so.13: no such file")

    monkeypatch.setattr(checks, "_torch", _torch)
    broken = [check for check in checks.all_checks() if check.status == "broken"]
    assert [(check.name, check.text) for check in broken] == [
        ("torch", "ImportError: libcudart.so.13: no such file")
    ]


def test_doctor_shows_a_broken_plugin_and_goes_on(
    type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = BrokenPlugin("vae", "vae:SPEC", "ImportError: no module")
    monkeypatch.setattr(registry, "broken_plugins", lambda: [broken])
    said = type_("doctor", "--json")
    assert said.code == 0
    (shown,) = [check for check in said.json["checks"] if check["name"] == "plug-in vae"]
    assert shown["status"] == "note"
    assert shown["text"] == "ImportError: no module"


def test_a_damaged_document_of_a_run_is_said(type_: Type, tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / "gan-a-1")
    run.path.mkdir(parents=True)
    (run.path / "config.json").write_text(json.dumps([]))
    assert type_("runs", "ls", "--json").json["runs"][0]["state"] == "damaged"
