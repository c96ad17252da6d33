"""Commands about what there is: info, explain, config, runs compare and rm, watch."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from genctl.cli.statuses import MEANINGS
from genctl.cli.verbs.pages import watch
from genctl.cli.views.next_steps import next_steps
from genctl.errors import ExitStatus, GenctlError
from genctl.registry import parse_metrics
from genctl.runs import Run
from tests.command_line import Type


@pytest.fixture
def two(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with copies of the trained run."""
    root = tmp_path / "两个"
    for name in ("甲-1", "乙-2"):
        shutil.copytree(trained, root / name)
    text = (root / "乙-2" / "config.json").read_text("utf-8")
    (root / "乙-2" / "config.json").write_text(text.replace('"lr": 0.0002', '"lr": 0.5'), "utf-8")
    monkeypatch.setenv("GENCTL_RUNS", str(root))
    return root


def test_every_exit_status_is_explained(type_: Type) -> None:
    assert set(MEANINGS) == set(ExitStatus)
    listed = type_("explain").out
    for status in ExitStatus:
        said = type_("explain", str(int(status)))
        assert said.code == 0
        assert said.out.splitlines()[0] in listed
    assert type_("explain", "99").code == 2
    assert type_("explain", "3", "--json").json["codes"][0]["code"] == 3


def test_info_knows_families_runs_and_exports(type_: Type, two: Path, tmp_path: Path) -> None:
    assert type_("info", "gan").out == type_("models", "gan").out
    for name in (["甲-1"], []):
        shown = [type_(*verb, *name).out for verb in (["info"], ["runs", "show"])]
        one, other = (re.sub(r"[\d]+ (s|min) ago", "", text) for text in shown)
        assert one == other
    out = tmp_path / "导出"
    assert type_("export", "甲-1", "--format", "safetensors", "--out", str(out)).code == 0
    said = type_("info", str(out))
    assert said.code == 0, said.err
    assert "gan, preset mlp" in said.out
    assert "digits: 7,934" in said.out
    assert type_("info", "nothing").code == 2


def test_info_explains_a_setting(type_: Type) -> None:
    said = type_("info", "train.lr")
    assert said.out.startswith("train.lr: peak learning rate")
    assert "gan 0.002, lm 0.02, diffusion 0.03" in said.out
    assert "GENCTL_TRAIN_LR" in said.out
    assert type_("info", "lr").out == said.out
    (one,) = type_("info", "lr", "--family", "gan", "--json").json["settings"]
    assert (one["key"], one["defaults"]) == ("train.lr", {"gan": 0.002})
    widths = type_("info", "width", "--json").json["settings"]
    assert set(widths[0]["defaults"]) == {"gan", "lm", "diffusion"}
    assert [s["key"] for s in type_("info", "size", "--json").json["settings"]] == [
        "data.size",
        "model.size",
    ]
    assert "genctl sample RUN --temperature VALUE" in type_("info", "temperature").out
    assert "--flip or --no-flip" in type_("info", "flip").out
    assert type_("info", "amp").out == type_("info", "precision").out
    wrong = type_("info", "lrr")
    assert wrong.code == 2
    assert "did you mean lr?" in wrong.err
    assert type_("info", "lr", "--family", "gna").code == 2


def test_info_explains_files(type_: Type, two: Path, tmp_path: Path) -> None:
    file = tmp_path / "设置.toml"
    file.write_text('family = "gan"\npreset = "mlp"\n[train]\nlr = 0.5\n', "utf-8")
    said = type_("info", str(file), "--json").json
    assert said["config"]["train"]["lr"] == 0.5
    assert said["origins"]["train.lr"] == str(file)
    file.write_text("[train]\nlr = 0.5\n", "utf-8")
    nameless = type_("info", str(file))
    assert nameless.code == 2
    assert "does not name its family" in nameless.err
    shown = type_("info", str(file), "--family", "gan", "--json").json
    assert shown["config"]["train"]["lr"] == 0.5
    record = type_("info", str(two / "甲-1" / "config.json"))
    assert "preset mlp" in record.out
    data = type_("info", str(two / "甲-1" / "data.json"))
    assert "fingerprint" in data.out
    scores = tmp_path / "eval.json"
    row = {"name": "kd[digits]", "value": 0.5, "error": 0.1, "signature": "kd|n:20"}
    scores.write_text(json.dumps({"scores": [row]}), "utf-8")
    assert "kd[digits]  0.5" in type_("info", str(scores)).out
    scores.write_text(json.dumps({"scores": [3]}), "utf-8")
    assert type_("info", str(scores)).code == 3
    scores.write_text("{", "utf-8")
    assert type_("info", str(scores)).code == 3
    scores.write_text("[]", "utf-8")
    assert type_("info", str(scores)).code == 2
    pictures = tmp_path / "图片"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(b"1234")
    assert "next: genctl data check" in type_("info", str(pictures)).out
    assert type_("info", str(pictures), "--json").json["files"] == 1


def test_info_explains_exit_statuses(type_: Type) -> None:
    assert type_("info", "3").out.startswith("data or weights are missing")
    for status in ExitStatus:
        assert str(int(status)) in type_("info", "exit-statuses").out
    wrong = type_("info", "99")
    assert wrong.code == 2
    assert "unknown exit status '99'" in wrong.err


def test_settings_need_a_family(type_: Type) -> None:
    said = type_("info", "--preset", "mlp")
    assert said.code == 2
    assert "hint: genctl info gan --preset digits" in said.err


def test_settings_are_shown_with_their_origins(type_: Type) -> None:
    said = type_("config", "show", "gan", "--preset", "mlp", "--set", "lr=0.5", "--json").json
    assert said["config"]["train"]["lr"] == 0.5
    assert said["origins"]["train.lr"] == "sets"
    assert "preset mlp" in type_("config", "show", "gan", "--preset", "mlp").out
    assert type_("config", "show", "gan", "--set", "lrr=1").code == 2


def test_runs_are_set_beside_each_other(type_: Type, two: Path) -> None:
    rows = type_("runs", "compare", "甲-1", "乙-2").out.splitlines()
    assert rows[0].split() == ["甲-1", "乙-2"]
    different = type_("config", "diff", "甲-1", "乙-2", "--json").json["differing"]
    assert all(key in "\n".join(rows) for key in different)
    assert type_("config", "diff", "甲-1", "甲-1").out == "the same settings\n"
    assert type_("runs", "compare", "甲-1").code == 2
    assert "SIZE" in type_("runs", "ls").out


def test_a_run_is_deleted_only_on_request(type_: Type, two: Path) -> None:
    said = type_("runs", "rm", "甲-1")
    assert said.code == 2
    assert "hint: genctl runs rm 甲-1 --yes" in said.err
    assert (two / "甲-1").exists()
    said = type_("runs", "rm", "甲-1", "--yes", "--json")
    assert said.code == 0, said.err
    assert said.json["bytes"] > 1000
    assert [path.name for path in two.iterdir()] == ["乙-2"]
    assert type_("runs", "rm", "丙", "--yes").code == 2


def test_the_state_of_a_run_at_a_glance(type_: Type, two: Path) -> None:
    assert type_("watch", "甲-1", "--json").json["state"] == "finished"
    assert type_("watch", "甲-1", "-q").out == "finished\n"
    said = type_("watch", "甲-1", "--terminal")
    assert said.code == 0, said.err
    assert said.out.startswith("甲-1: finished, step 2")


@pytest.mark.parametrize(
    ("values", "shown"),
    [([1.0], "▁"), ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"), ([2.0, 2.0], "▁▁")],
)
def test_a_small_curve(values: list[float], shown: str) -> None:
    assert watch.curve(values) == shown


def test_a_long_curve_keeps_its_end() -> None:
    assert len(watch.curve([0.0] * 999 + [1.0])) <= 40
    assert watch.curve([0.0] * 999 + [1.0])[-1] == "█"


def test_an_unknown_variable_gets_one_warning(type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GENCTL_RUN", "GENCTL_PORT", "GENCTL_PORT_80_TCP", "GENCTL_SERVICE_HOST"):
        monkeypatch.setenv(name, "x")
    said = type_("models")
    assert said.code == 0
    assert "GENCTL_RUN is unknown to genctl; did you mean GENCTL_RUNS?" in said.err
    assert said.err.count("GENCTL_RUN ") == 1
    assert "PORT" not in said.err
    assert "SERVICE" not in said.err


def test_info_takes_the_family_from_where_it_is_written(
    type_: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text('family = "gan"\nlr = 0.5\n')
    for words in (["s.toml", "--set", "lr=0.25"], ["--config", "s.toml", "--set", "lr=0.25"]):
        said = type_("info", *words, "--json")
        assert said.json["config"]["family"] == "gan", said.err
        assert said.json["config"]["train"]["lr"] == 0.25
    said = type_("info", "lr", "--family", "gan", "--preset", "mlp", "--quiet")
    assert said.out == "train.lr=0.0002\n"
    for words in (["--set", "lr=1"], ["lr", "--preset", "mlp"], ["--config", "absent.toml"]):
        assert type_("info", *words).code == ExitStatus.USAGE


def test_info_spells_the_options_of_train(type_: Type) -> None:
    for key, option in (("data.source", "--data"), ("seed", "--seed"), ("width", "--width")):
        assert f"genctl train gan {option} VALUE" in type_("info", key, "--family", "gan").out


@pytest.mark.parametrize("words", ["--steps 5 nosuchrun", "nosuchrun --steps 5"])
def test_a_missing_run_is_the_error_whatever_its_options(words: str, type_: Type) -> None:
    said = type_("sample", *words.split())
    assert said.code == ExitStatus.USAGE
    assert "run 'nosuchrun' does not exist" in said.err


def test_a_file_that_is_no_model(
    type_: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").touch()
    for words in (["notes.txt"], ["notes.txt", "--help"]):
        said = type_("sample", *words)
        assert said.code == ExitStatus.USAGE
        assert "'notes.txt' is not a run folder" in said.err


@pytest.mark.parametrize("words", [["--terminal"], ["--port", "8080"]])
def test_a_saved_page_is_not_served(words: list[str], type_: Type) -> None:
    said = type_("watch", "--save", "x.html", *words)
    assert said.code == ExitStatus.USAGE
    assert f"--save and {words[0]} exclude each other" in said.err


def test_next_steps_need_no_kind_in_the_data(type_: Type, two: Path) -> None:
    run = Run(two / "甲-1")
    before = next_steps(run)
    run.write("data.json", {**run.read("data.json"), "kind": ""})
    assert next_steps(run) == before != []


@pytest.mark.parametrize("metric", ["", "fid,", []])
def test_a_metric_has_a_name(metric: str | list[str]) -> None:
    with pytest.raises(GenctlError, match="a metric has no name") as refused:
        parse_metrics(metric)
    assert (refused.value.code, refused.value.option) == (ExitStatus.USAGE, "metric")
