"""Runs, checkpoints and exports of version 0.1.0 open, go on and give what they gave then.

``v1/`` holds what ``build_v1.py`` wrote, and in ``v1/expected/`` the commands that were typed at
version 0.1.0 and their results. Where the machine rounds as the one did that wrote them, results
must be the same bits; elsewhere images, texts and scores must be the same to small tolerances,
which were measured with other kernels (AVX2, SSE4, MKL's compatible ones).
"""

from __future__ import annotations

import json
import math
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import genctl
from genctl.cli import main
from genctl.weights import load_tensors, sha256_of_tensors
from tests.compat.machine import fingerprint


def images_of(model: Any, **request: Any) -> Any:
    """Eight images of seed 3, with ``array``, ``labels`` and ``class_names``."""
    return model.sample(8, seed=3, **request)


def texts_of(
    model: Any, n: int, prompts: Sequence[str], options: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Texts of seed 3. Only here the test knows how the SDK is asked for them."""
    texts = model.write(n, seed=3, prompts=prompts, options=options)
    return [asdict(text) for text in texts.samples]


V1 = Path(__file__).parent / "v1"
EXPECTED = V1 / "expected"
COMMANDS: dict[str, dict[str, str]] = json.loads((EXPECTED / "commands.json").read_text("utf-8"))
WEIGHTS = json.loads((EXPECTED / "weights.json").read_text("utf-8"))

FAMILIES = ("gan", "diffusion", "lm")
IMAGES = ("gan", "diffusion")
STEPS = {"gan": 8, "diffusion": 8, "lm": 40}
STOPPED_AT = {"gan": 4, "diffusion": 4, "lm": 21}
BEST = {"gan": ("fd", 8), "diffusion": ("fd", 8), "lm": ("bpb", 40)}
ONNX = ("gan", "lm")

WRITING: dict[str, tuple[int, tuple[str, ...], dict[str, Any]]] = {
    "lm.jsonl": (4, ("",), {"temperature": 0.8, "max_new_tokens": 40}),
    "lm-greedy.jsonl": (
        2,
        ("The wind", "宁波"),
        {"temperature": 0.0, "max_new_tokens": 40, "repetition_penalty": 1.5},
    ),
}
"""File -> number of texts, prompts and options, as in the commands."""

RAW: dict[str, dict[str, Any]] = {
    "gan": {"truncation": 0.7},
    "diffusion": {"sampler": "heun", "steps": 4, "guidance": 2.0},
}
"""Options of the samples from raw weights, of the classes 3 and 7."""

FREE = "discriminator.head.bias"
"""The loss compares scores with each other, so their offset has no gradient but rounding errors,
which Adam makes as large as any: no two machines agree on it."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the test data, for tests that only read."""
    return Path(shutil.copytree(V1, tmp_path_factory.mktemp("v1") / "v1"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As it was recorded, whatever the tests before this one chose."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def exact() -> bool:
    """Whether this machine rounds as the one did that wrote the test data."""
    known = json.loads((EXPECTED / "machine.json").read_text("utf-8"))
    return bool(fingerprint() == known["fingerprint"])


@pytest.fixture
def here(kept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands were typed in; what it holds is not to be changed."""
    monkeypatch.chdir(kept)
    monkeypatch.setenv("GENCTL_RUNS", "runs")
    return kept


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, a copy for one test that changes it."""
    copy = Path(shutil.copytree(V1, tmp_path / "v1"))
    monkeypatch.chdir(copy)
    monkeypatch.setenv("GENCTL_RUNS", "runs")
    return copy


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Type a command; the document that it answers."""
    capsys.readouterr()
    code = main([*arguments, "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out)


def checkpoint_of(run: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The groups of tensors in the newest checkpoint of a run."""
    newest = max((run / "checkpoints").glob("step-*"))
    return {file.stem: load_tensors(file) for file in newest.glob("*.safetensors")}


def array_of(name: str) -> npt.NDArray[np.uint8]:
    with np.load(EXPECTED / name, allow_pickle=False) as archive:
        return np.asarray(archive["arr_0"], np.uint8)


def assert_same_images(
    found: npt.NDArray[np.generic], expected: npt.NDArray[np.uint8], exact: bool
) -> None:
    """The same, or else one of 256 levels apart on one pixel in a thousand."""
    assert found.shape == expected.shape
    assert found.dtype == np.uint8
    if exact:
        np.testing.assert_array_equal(found, expected)
    apart = np.abs(found.astype(int) - expected.astype(int))
    assert apart.max() <= 1
    assert (apart > 0).mean() <= 1e-3


def assert_same_end(run: Path, family: str, exact: bool) -> None:
    """A run ends with the weights, averages and moments that the whole run of 0.1.0 ended with."""
    found, expected = checkpoint_of(run), checkpoint_of(V1 / "runs" / family)
    assert found.keys() == expected.keys() == WEIGHTS[family]["groups"].keys()
    for group, tensors in expected.items():
        assert found[group].keys() == tensors.keys()
        for name, tensor in tensors.items():
            loose = 1e-3 if name.startswith(FREE) else 1e-5
            torch.testing.assert_close(found[group][name], tensor, rtol=1e-5, atol=loose)
    if exact:
        digests = {group: sha256_of_tensors(tensors) for group, tensors in found.items()}
        assert digests == WEIGHTS[family]["groups"]


def assert_same_score(
    found: Mapping[str, Any], expected: Mapping[str, Any], *, rel: float = 1e-6
) -> None:
    """The same name, value and details, and an error computed the same way is the same too."""
    assert found["name"] == expected["name"]
    assert found["n_generated"] == expected["n_generated"]
    assert found["n_reference"] == expected["n_reference"]
    assert found["value"] == pytest.approx(expected["value"], rel=rel)
    for name, value in expected["details"].items():
        if not name.endswith("_error"):
            assert found["details"][name] == pytest.approx(value, rel=rel)
    now, then = (set(each["signature"].split("|v:")[0].split("|")) for each in (found, expected))
    assert then <= now  # a field more says that the interval is computed in another way
    if then == now:
        assert found["error"] == pytest.approx(expected["error"], rel=10 * rel)
        assert found["error_kind"] == expected["error_kind"]


# What is there


def test_the_data_names_no_machine_and_holds_no_pickle() -> None:
    suffixes = {".gguf", ".json", ".jsonl", ".md", ".npz", ".onnx", ".py", ".safetensors", ".txt"}
    files = [path for path in V1.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= suffixes
    for path in files:
        content = path.read_bytes()
        for place in (b"/work/", b"/root/", b"/tmp/", b"/home/", b"/Users/"):
            assert place not in content, path


@pytest.mark.parametrize("family", FAMILIES)
def test_the_data_is_what_was_recorded(family: str) -> None:
    recorded = WEIGHTS[family]
    assert recorded["checkpoint"] == f"step-{STEPS[family]:08d}"
    found = checkpoint_of(V1 / "runs" / family)
    assert {group: sha256_of_tensors(found[group]) for group in found} == recorded["groups"]


def test_runs_are_listed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {run["run"]: run for run in typed(capsys, "runs", "ls")["runs"]}
    assert set(found) == {*FAMILIES, *(f"{family}-unfinished" for family in FAMILIES)}
    for family in FAMILIES:
        whole, stopped = found[family], found[f"{family}-unfinished"]
        assert whole["family"] == stopped["family"] == family
        assert (whole["state"], whole["step"]) == ("finished", STEPS[family])
        assert (stopped["state"], stopped["step"]) == ("unfinished", STOPPED_AT[family])
        assert (whole["best"]["metric"], whole["best"]["step"]) == BEST[family]
    assert found["lm-unfinished"]["best"]["step"] == 20


@pytest.mark.parametrize("family", FAMILIES)
def test_runs_are_described(family: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("info", f"runs/{family}"), ("runs", "show", family)):
        found = typed(capsys, *arguments)
        assert found["config"]["family"] == family
        assert found["state"] == "finished"
        assert found["step"] == STEPS[family]
        assert found["starts"][0]["genctl"] == "0.1.0"
        assert found["origins"]["train.budget"] == "--budget"
        assert found["data"]["fingerprint"]
    assert main(["info", f"runs/{family}-unfinished"]) == 0
    assert f"step {STOPPED_AT[family]}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["gan", "gan.onnx", "diffusion", "lm", "lm.onnx"])
def test_exports_are_described(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    family = name.partition(".")[0]
    found = typed(capsys, "info", f"exports/{name}")
    assert found["config"]["family"] == family
    assert found["step"] == STEPS[family]
    assert found["genctl"] == "0.1.0"


@pytest.mark.parametrize("family", FAMILIES)
def test_runs_are_compared_and_reported(
    family: str, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also the names that verbs had at version 0.1.0."""
    pair = (family, f"{family}-unfinished")
    found = typed(capsys, "runs", "compare", *pair)
    assert [run["step"] for run in found["runs"]] == [STEPS[family], STOPPED_AT[family]]
    assert set(found["differing"]) == ({"train.evaluations"} if family in IMAGES else set())
    assert main(["config", "diff", *pair]) == 0
    assert main(["report", family, "--out", "page.html"]) == 0
    assert f"{STEPS[family]:,}" in Path("page.html").read_text("utf-8")


# Samples


@pytest.mark.parametrize("choice", [{}, {"checkpoint": "8", "weights": "ema"}], ids=str)
@pytest.mark.parametrize("family", IMAGES)
def test_images_of_runs(family: str, choice: dict[str, Any], here: Path, exact: bool) -> None:
    model = genctl.load(f"runs/{family}", device="cpu", **choice)
    assert (model.step, model.weights) == (STEPS[family], "ema")
    samples = images_of(model)
    assert_same_images(samples.array, array_of(f"{family}.npz"), exact)
    assert samples.labels.tolist() == list(range(8))
    assert samples.class_names == tuple("0123456789")


@pytest.mark.parametrize("name", ["gan", "gan.onnx", "diffusion"])
def test_images_of_exports(name: str, here: Path, exact: bool) -> None:
    model = genctl.load(f"exports/{name}", device="cpu")
    assert (model.step, model.weights) == (8, "ema")
    expected = array_of(f"{name.removesuffix('.onnx')}.npz")
    same_kernels = exact and not name.endswith(".onnx")
    assert_same_images(images_of(model).array, expected, same_kernels)


@pytest.mark.parametrize("family", IMAGES)
def test_images_of_raw_weights_and_other_options(family: str, here: Path, exact: bool) -> None:
    model = genctl.load(f"runs/{family}", weights="raw", device="cpu")
    samples = images_of(model, labels=[3, "7"], options=RAW[family])
    assert_same_images(samples.array, array_of(f"{family}-raw.npz"), exact)
    assert samples.labels.tolist() == [3, 7] * 4


@pytest.mark.parametrize("name", ["gan.npz", "gan-raw.npz", "diffusion.npz", "diffusion-raw.npz"])
def test_images_by_command(
    name: str, here: Path, tmp_path: Path, exact: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS[name[:-4].removesuffix("-raw")][f"sample {name}"]
    typed(capsys, *shlex.split(command), "--out", str(tmp_path / name))
    with np.load(tmp_path / name, allow_pickle=False) as archive:
        assert_same_images(archive["arr_0"], array_of(name), exact)
        with np.load(EXPECTED / name, allow_pickle=False) as before:
            np.testing.assert_array_equal(archive["arr_1"], before["arr_1"])


@pytest.mark.parametrize("origin", ["runs/lm", "exports/lm", "exports/lm.onnx"])
@pytest.mark.parametrize("name", WRITING)
def test_texts(name: str, origin: str, here: Path) -> None:
    n, prompts, options = WRITING[name]
    lines = (EXPECTED / name).read_text("utf-8").splitlines()
    model = genctl.load(origin)
    assert model.step == STEPS["lm"]
    assert texts_of(model, n, prompts, options) == [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", WRITING)
def test_texts_by_command(
    name: str, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(capsys, *shlex.split(COMMANDS["lm"][f"sample {name}"]), "--out", str(tmp_path / name))
    found, expected = (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for path in (tmp_path / name, EXPECTED / name)
    )
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.items() >= other.items()


@pytest.mark.parametrize(("checkpoint", "step"), [("best", 20), ("20", 20), ("last", 21)])
def test_checkpoints_of_an_unfinished_run(checkpoint: str, step: int, here: Path) -> None:
    model = genctl.load("lm-unfinished", checkpoint=checkpoint, device="cpu")
    assert model.step == step
    folder = Path("runs/lm-unfinished/checkpoints", f"step-{step:08d}")
    expected = load_tensors(folder / "model.safetensors")
    found = model.trained.modules["model"].state_dict()
    assert {f"model.{name}" for name in found} == set(expected)
    assert all(torch.equal(expected[f"model.{name}"], value) for name, value in found.items())


# Scores


@pytest.mark.parametrize("family", FAMILIES)
def test_scores(family: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = json.loads((EXPECTED / f"{family}-eval.json").read_text("utf-8"))
    found = typed(capsys, *shlex.split(COMMANDS[family]["eval"]))
    assert expected["reason"] in found["reason"]
    assert len(found["scores"]) == len(expected["scores"])
    for one, other in zip(found["scores"], expected["scores"], strict=True):
        assert_same_score(one, other)
        assert (one["real"] is None) == (other["real"] is None)
        if other["real"]:
            assert_same_score(one["real"], other["real"])


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_of_then_are_compared(
    family: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = f"expected/{family}-eval.json"
    found = json.dumps(typed(capsys, "compare", place, place))
    expected = json.loads((EXPECTED / f"{family}-eval.json").read_text("utf-8"))
    for score in expected["scores"]:
        assert score["name"] in found
        assert math.isfinite(score["error"])


# Training goes on


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unfinished_run_goes_on(
    family: str, own: Path, exact: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command that began it, word by word, to the weights of the run that never stopped."""
    run = own / "runs" / f"{family}-unfinished"
    command = COMMANDS[family]["train"]
    assert command.endswith(f"--out runs/{run.name}")
    assert json.loads((run / "last.json").read_text())["step"] == STOPPED_AT[family]
    before = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    typed(capsys, *shlex.split(command))
    last = json.loads((run / "last.json").read_text())
    assert (last["finished"], last["step"]) == (True, STEPS[family])
    assert len(json.loads((run / "env.json").read_text())["starts"]) == 2
    rows = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    assert rows[: len(before)] == before
    assert len(rows) > len(before)
    assert_same_end(run, family, exact)
    if family == "lm":
        whole = json.loads((V1 / "runs/lm/best.json").read_text())
        best = json.loads((run / "best.json").read_text())
        assert best.pop("value") == pytest.approx(whole.pop("value"), rel=1e-5)
        assert best == whole


def test_an_unfinished_run_is_found_without_its_name(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(capsys, *shlex.split(COMMANDS["lm"]["train"].partition(" --out ")[0]))
    last = json.loads((own / "runs/lm-unfinished/last.json").read_text())
    assert last["finished"] is True
    assert len(list((own / "runs").glob("[!.]*"))) == 2 * len(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_run_ends_as_one_of_then(
    family: str, own: Path, exact: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS[family]["train"].replace("-unfinished", "-anew")
    typed(capsys, *shlex.split(command))
    assert_same_end(own / "runs" / f"{family}-anew", family, exact)


@pytest.mark.parametrize(
    ("family", "parent"),
    [
        ("lm", "runs/lm"),
        ("lm", "exports/lm"),
        ("diffusion", "runs/diffusion"),
        ("diffusion", "exports/diffusion-diffusers"),
    ],
)
def test_training_begins_with_weights_of_then(
    family: str, parent: str, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After one step at a rate of almost nothing the weights are still those of the parent."""
    words = shlex.split(COMMANDS[family]["train"].replace("-unfinished", "-init"))
    words[words.index("--budget") + 1] = "1steps"
    words[words.index("--evaluations") + 1] = "0"
    rates = ("--lr", "1e-9", "--adamw-lr", "1e-9", "--set", f"parents.init={parent}")
    typed(capsys, *words, *rates)
    found = checkpoint_of(own / "runs" / f"{family}-init")["model"]
    groups = checkpoint_of(own / "runs" / family)
    expected = groups["model" if family == "lm" else "ema.ema"]
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-6)


# Exports are made again


@pytest.mark.parametrize("family", FAMILIES)
def test_a_bundle_is_written_again(family: str, own: Path) -> None:
    """Over the one of then, which is known for an export, and with the same weights."""
    before = load_tensors(V1 / "exports" / family / "model.safetensors")
    path = genctl.load(f"runs/{family}", device="cpu").export("safetensors", f"exports/{family}")
    assert path.samefile(f"exports/{family}")
    after = load_tensors(path / "model.safetensors")
    assert sha256_of_tensors(after) == sha256_of_tensors(before)
    again = genctl.load(path, device="cpu").export("safetensors", "again")
    assert sha256_of_tensors(load_tensors(again / "model.safetensors")) == sha256_of_tensors(before)


@pytest.mark.parametrize("family", ONNX)
def test_onnx_is_written_again(family: str, own: Path) -> None:
    pytest.importorskip("onnxscript")
    path = genctl.load(f"runs/{family}", device="cpu").export("onnx", f"exports/{family}.onnx")
    assert path.samefile(f"exports/{family}.onnx")
    model = genctl.load(path)
    if family == "lm":
        n, prompts, options = WRITING["lm.jsonl"]
        lines = (EXPECTED / "lm.jsonl").read_text("utf-8").splitlines()
        assert texts_of(model, n, prompts, options) == [json.loads(line) for line in lines]
    else:
        assert_same_images(images_of(model).array, array_of(f"{family}.npz"), exact=False)


@pytest.mark.parametrize(
    ("family", "format", "name"),
    [
        ("lm", "hf", "lm-hf"),
        ("lm", "gguf", "lm.gguf"),
        ("diffusion", "diffusers", "diffusion-diffusers"),
    ],
)
def test_formats_of_others_are_written_again(
    family: str, format: str, name: str, own: Path
) -> None:
    """Over the export of then, which is known for one, and with the same weights."""
    pytest.importorskip("gguf" if format == "gguf" else "transformers")
    before = V1 / "exports" / name
    after = genctl.load(f"exports/{family}", device="cpu").export(format, f"exports/{name}")
    weights = sorted(path.relative_to(before) for path in before.rglob("*.safetensors"))
    assert len(weights) == (0 if format == "gguf" else 1)
    for path in weights:
        found, expected = load_tensors(after / path), load_tensors(before / path)
        assert sha256_of_tensors(found) == sha256_of_tensors(expected)
    if format == "gguf":
        assert _tensors_of_gguf(after) == _tensors_of_gguf(before)


def _tensors_of_gguf(path: Path) -> dict[str, bytes]:
    from gguf import GGUFReader

    return {tensor.name: tensor.data.tobytes() for tensor in GGUFReader(path).tensors}
