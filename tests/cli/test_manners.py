"""CommandGroup about what there is: info, explain, config, runs compare and rm, watch."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from genctl.cli.verbs.pages import watch
from genctl.cli.verbs.runs.explain import MEANINGS
from genctl.errors import ExitStatus
from tests.cli.conftest import Type


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
    assert type_("info", "甲-1").out == type_("runs", "show", "甲-1").out
    assert type_("info").out == type_("runs", "show").out
    out = tmp_path / "导出"
    assert type_("export", "甲-1", "--format", "safetensors", "--out", str(out)).code == 0
    said = type_("info", str(out))
    assert said.code == 0, said.err
    assert "gan, preset mlp" in said.out
    assert "digits: 7,934" in said.out
    assert type_("info", "nothing").code == 2


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
