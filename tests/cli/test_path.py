"""Train, sample, score and export, as typed: what goes to stdout, what to stderr, what to disk."""

from __future__ import annotations

import html
import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genctl.api.training.request import TrainRequest
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from tests.command_line import Type
from tests.data.pictures import pixels, write

BRIEF = ("--preset", "mlp", "--budget", "2steps", "--evaluations", "0", "--threads", "1")
FEW = ("--ref", "digits:test")


def test_train_says_what_it_left_and_what_to_type_next(type_: Type, tmp_path: Path) -> None:
    said = type_("train", "gan", *BRIEF, "--json")
    assert said.code == 0, said.err
    run = said.json["run"]
    assert run == str(tmp_path / "runs" / "gan-digits-1")
    assert said.json["last"]["step"] == 2
    assert said.json["next"] == [
        f"genctl sample {run} --n 64",
        f"genctl eval fid {run}",
        f"genctl export {run} --format onnx",
    ]
    assert "gan on digits" in said.err


def test_a_familys_option_is_its_key(type_: Type, tmp_path: Path) -> None:
    typed = ("--z-dim=10", "--flip", "--beta1", "0.4", "--set", "beta1=0.3")
    said = type_("train", *typed, "gan", *BRIEF, "--out", str(tmp_path / "中文"), "-q")
    assert said.code == 0, said.err
    assert said.out.strip() == str(tmp_path / "中文")
    config = Run(tmp_path / "中文").read("config.json")["config"]
    assert config["model"]["z_dim"] == 10
    assert config["data"]["flip"] is True
    assert config["train"]["beta1"] == 0.4


def test_dry_run_measures_and_writes_nothing(type_: Type, tmp_path: Path) -> None:
    said = type_("train", "gan", *BRIEF, "--dry-run", "--json")
    assert said.code == 0, said.err
    plan = said.json
    assert plan["resumes"] is None
    assert (plan["steps"], plan["examples"], plan["estimated"]) == (2, 128, False)
    assert plan["parameters"].keys() == {"generator", "discriminator"}
    assert plan["examples_per_second"] > 0
    assert plan["checkpoint_bytes"] > 4 * sum(plan["parameters"].values())
    assert not (tmp_path / "runs").exists()


def test_dry_run_of_a_time_budget_says_about_how_many(type_: Type) -> None:
    said = type_("train", "gan", *BRIEF, "--budget", "100s", "--dry-run")
    assert said.code == 0, said.err
    assert "100s: about " in said.out
    assert "about 1:40 left" in said.out


def test_sample_writes_beside_the_run(type_: Type, run: str, trained: Path) -> None:
    said = type_("sample", "--n", "4", "--truncation", "0.5", "--json")
    assert said.code == 0, said.err
    facts = said.json
    assert Path(facts["path"]) == trained / "samples" / "step2-ema-seed0-n4-truncation0.5.png"
    assert (facts["n"], facts["seed"], facts["step"], facts["weights"]) == (4, 0, 2, "ema")
    assert (facts["kind"], facts["labels"]) == ("images", None)
    assert f"using {trained}" in said.err
    with Image.open(facts["path"]) as picture:
        assert picture.size[0] == picture.size[1]


def test_sampling_options_count_wherever_they_stand(type_: Type, run: str, tmp_path: Path) -> None:
    def images(*typed: str) -> np.ndarray:
        out = tmp_path / "samples.npz"
        assert type_("sample", *typed, "--n", "3", "--out", str(out)).code == 0
        with np.load(out) as archive:
            pixels: np.ndarray = archive["arr_0"]
        return pixels

    plain, before, after = (
        images(run),
        images("--truncation", "0.1", run),
        images(run, "--truncation=0.1"),
    )
    assert np.array_equal(before, after)
    assert not np.array_equal(plain, before)


def test_many_samples_go_to_an_archive(type_: Type, run: str, trained: Path) -> None:
    said = type_("sample", run, "--n", "1025", "--seed", "3", "-q")
    assert said.out.strip() == str(trained / "samples" / "step2-ema-seed3-n1025.npz")


def test_eval_names_the_extractor(type_: Type, run: str) -> None:
    said = type_("eval", "is", run, "--n", "20", "--json")
    assert said.code == 0, said.err
    (score,) = said.json["scores"]
    assert (score["name"], score["n_generated"]) == ("is[digits]", 20)
    assert score["signature"].startswith("is|ex:digits:")
    assert said.json["reason"]
    human = type_("eval", "is", run, "--n", "20").out
    assert human.startswith("is[digits] ")
    assert score["signature"] in human


def test_eval_of_several_metrics_is_a_table(type_: Type, run: str) -> None:
    said = type_("eval", "kid,fid", run, "--n", "20", "--json").json
    assert [score["name"] for score in said["scores"]] == ["fd[digits]", "kd[digits]"]
    assert all(score["real"]["name"] == score["name"] for score in said["scores"])
    human = type_("eval", "fid,kid", run, "--n", "20").out
    assert human.splitlines()[0].split() == [
        "value", "error", "real", "images", "error", "better",
    ]  # fmt: skip
    assert [line.split()[0] for line in human.splitlines()[1:3]] == ["fd[digits]", "kd[digits]"]
    assert len(type_("eval", "fid,kid", run, *FEW, "--n", "20", "-q").out.split()) == 2


def test_two_evaluations_are_compared(type_: Type, run: str, tmp_path: Path) -> None:
    for name, n in (("a", 20), ("b", 20), ("c", 30)):
        said = type_("eval", "fid,kid", run, *FEW, "--n", str(n), "--json")
        (tmp_path / f"{name}.json").write_text(said.out, "utf-8")
    same = type_("compare", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--json").json
    assert [(c["difference"], c["apart"]) for c in same["comparisons"]] == [(0, False)] * 2
    human = type_("compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")).out
    assert "not told apart" in human
    refused = type_("compare", str(tmp_path / "a.json"), str(tmp_path / "c.json"))
    assert refused.code == 3
    assert "n is 20/2066 in the first and 30/2066 in the second" in refused.err


def test_statistics_stand_in_for_images(type_: Type, run: str, tmp_path: Path) -> None:
    path = tmp_path / "数字.npz"
    made = type_("stats", "digits:test", "--out", str(path), "--json").json
    assert (made["path"], made["n"], made["extractor"]) == (str(path), 2066, "digits")
    to_file = type_("eval", "all", run, "--ref", str(path), "--n", "40", "--json").json["scores"]
    to_images = type_("eval", "all", run, *FEW, "--n", "40", "--json").json["scores"]
    assert [s["name"] for s in to_file] == ["fd[digits]", "fd-infinity[digits]", "is[digits]"]
    by_name = {score["name"]: score["value"] for score in to_images}
    assert len(by_name) == 8
    for score in to_images:
        assert (score["real"] is None) != (score["real_absent"] is None), score["name"]
    for score in to_file:
        assert score["value"] == pytest.approx(by_name[score["name"]], rel=1e-6)
    refused = type_("eval", "kid", run, "--ref", str(path), "--n", "40")
    assert (refused.code, "no images" in refused.err) == (2, True)
    assert type_("stats", "digits", "--out", str(tmp_path / "x.txt")).code == 2
    assert type_("stats", "digits", "--out", str(tmp_path / "x.npz"), "--n", "-5").code == 2
    assert not (tmp_path / "x.npz").exists()


def test_all_of_a_run_leaves_a_page_in_it(type_: Type, run: str, trained: Path) -> None:
    said = type_("eval", "all", run, "--n", "40")
    assert said.code == 0, said.err
    page = trained / "eval.html"
    assert f"page       {page}" in said.out
    content = html.unescape(page.read_text("utf-8"))
    assert content.count("<img ") == 2 + 24  # both grids, and the closest pairs
    assert "http" not in content.replace("http-equiv", "")
    document = json.loads((trained / "eval.json").read_text("utf-8"))
    assert {score["name"] for score in document["scores"]} >= {"fd[digits]", "memorisation[digits]"}
    for score in document["scores"]:
        assert score["name"] in content
        assert score["signature"] in content


@pytest.mark.parametrize(("generated", "real"), [(2, 2), (3, 8), (30, 3)])
def test_all_leaves_out_what_few_images_cannot_tell(
    type_: Type, tmp_path: Path, generated: int, real: int
) -> None:
    for name, count in (("g", generated), ("r", real)):
        for number in range(count):
            write(tmp_path / name / f"{number}.png", pixels(number + len(name), 16, 16, 3))
    said = type_("eval", "all", str(tmp_path / "g"), "--ref", str(tmp_path / "r"), "--json")
    assert said.code == 0, said.err
    names = {score["name"] for score in said.json["scores"]}
    assert {"fd[rand]", "kd[rand]"} <= names
    assert "precision[rand]" not in names


def test_a_page_of_anything_goes_where_it_is_asked(type_: Type, run: str, tmp_path: Path) -> None:
    out = tmp_path / "报告"
    said = type_("eval", "fid", run, "--n", "20", "--out", str(out), "-q")
    assert said.code == 0, said.err
    assert sorted(path.name for path in out.iterdir()) == ["eval.html", "eval.json"]
    again = json.loads((out / "eval.json").read_text("utf-8"))
    assert f"{again['scores'][0]['value']:.6g}" == said.out.strip()


def test_warnings_can_be_refused(type_: Type, run: str) -> None:
    said = type_("eval", "fid", run, "--n", "20", "--strict")
    assert (said.code, said.out) == (3, "")
    assert "--strict allows no warnings" in said.err
    assert "20 generated images are not more than the 64 features" in said.err
    assert type_("eval", "kid", run, "--n", "20", "--strict").code == 0


def test_a_name_that_cannot_be_claimed_stops_at_once(
    type_: Type, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    said = type_("eval", "fid", run, "--n", "20", "--require", "fid")
    assert (said.code, said.out) == (3, "")
    assert "the FID Inception weights were not found" in said.err
    assert "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2" in said.err
    assert str(tmp_path / "hub" / "checkpoints") in said.err


def test_either_side_may_be_a_zip_an_npz_or_a_function(
    type_: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), dtype=np.uint8)
    folder = tmp_path / "图片"
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")
    archive = Path(shutil.make_archive(str(tmp_path / "打包"), "zip", folder))
    np.savez_compressed(tmp_path / "images.npz", images)
    (tmp_path / "drawing_by_hand.py").write_text(
        "import numpy as np\nimages = np.load('images.npz')['arr_0']\n"
        "def draw(places): return images[list(places)]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    sides = [str(folder), str(archive), "images.npz", "drawing_by_hand:draw"]
    for first in sides:
        for second in sides:
            said = type_("eval", "fid", first, "--ref", second, "--n", "30", "--json")
            assert said.code == 0, said.err
            assert said.json["scores"][0]["value"] == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ("fdi", "did you mean 'fd' or 'fid'"),
        ("fid,", "a metric has no name"),
        ("fid,bpb", "bpb scores text"),
    ],
)
def test_metrics_that_cannot_be_are_one_line(
    type_: Type, run: str, metrics: str, words: str
) -> None:
    said = type_("eval", metrics, run, "--n", "20")
    assert said.code == 2
    assert words in said.err


@pytest.mark.parametrize("form", ["safetensors", "onnx"])
def test_an_export_is_proved_and_sampled(type_: Type, run: str, tmp_path: Path, form: str) -> None:
    out = tmp_path / ("model.onnx" if form == "onnx" else "model")
    said = type_("export", run, "--format", form, "--out", str(out), "--json")
    assert said.code == 0, said.err
    assert said.json["path"] == str(out)
    proof = said.json["proof"]
    assert proof["error"] <= proof["tolerance"]
    assert "truncation" in type_("sample", str(out), "--help").out
    sampled = type_("sample", str(out), "--n", "4", "--truncation", "0.9", "-q")
    assert sampled.code == 0, sampled.err
    assert sampled.out.strip() == str(tmp_path / f"{out.name}-step2-ema-seed0-n4-truncation0.9.png")


def test_the_demo_goes_the_whole_way(type_: Type, tmp_path: Path) -> None:
    said = type_("demo", "--budget", "1steps", "--threads", "1", "--json")
    assert said.code == 0, said.err
    found = said.json
    assert Path(found["grid"]).is_file()
    assert [score["name"] for score in found["scores"]] == ["fd[digits]", "is[digits]"]
    assert Path(found["export"]["path"]).suffix == ".onnx"
    assert found["next"][0].startswith("genctl sample ")


def test_the_demo_has_a_budget_in_time(type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = []

    def trained(request: TrainRequest, *_: object) -> None:
        budgets.append(request.budget)
        raise GenctlError(ExitStatus.FAILURE, "enough")

    monkeypatch.setattr("genctl.api.training.train.run_training", trained)
    assert type_("demo").code == 1
    assert budgets == ["4m"]


def test_the_demo_asks_for_what_its_end_needs_before_it_begins(
    type_: Type, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = type_("demo")
    assert said.code == 2
    assert 'hint: pip install "genctl[onnx]"' in said.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["models", "runs ls", "runs show {run}", "doctor"])
def test_off_a_terminal_nothing_is_coloured(type_: Type, run: str, command: str) -> None:
    said = type_(*command.format(run=run).split())
    assert said.out
    assert "\x1b" not in said.out + said.err
