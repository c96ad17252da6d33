"""Kinds of data, kinds of output, metrics and a family from a plug-in do all that built-in ones do.

The plug-in is ``examples/plugin``. Nothing in ``src`` knows of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import genctl
from genctl import registry
from genctl.cli import completion, main
from genctl.outputs.base import SampleRequest
from genctl.registry import DATA_KINDS, METRICS, Claim
from genctl.runs import Run
from tests.contracts import plugin_site
from tools import reference

PACKAGE = plugin_site.EXAMPLE / "genctl_example"
PARTS = {
    "curves as data": ("curves/data.py", "curves/dataset.py"),
    "curves as output": ("curves/output.py", "curves/samples.py"),
    "spectrum": ("curves/metric.py",),
    "sequences as data": ("sequences/data.py", "sequences/dataset.py"),
    "sequences as output": ("sequences/output.py", "sequences/samples.py"),
    "gc": ("sequences/metric.py",),
    "vae": ("vae/spec.py", "vae/model.py"),
}
LM = ["width=16", "depth=1", "short_context=0", "batch_size=4", "evaluations=1"]
DIFFUSION = ["width=8", "multiples=1", "depth=1", "batch_size=4", "evaluations=1"]


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the example and with plug-ins that are wrong; this process sees them."""
    site = tmp_path_factory.mktemp("site")
    plugin_site.install_example(site)
    plugin_site.install_wrong(site)
    with plugin_site.seen(site):
        yield site


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 60 curves of 16 values, up to 3 in size."""
    path = tmp_path_factory.mktemp("data") / "waves.csv"
    phases = np.random.default_rng(0).uniform(0, 6, (60, 1))
    np.savetxt(path, 3 * np.sin(phases + np.linspace(0, 6, 16)), "%.5f", delimiter=",")
    return path


Trained = Callable[[str], Run]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, curves: Path) -> Trained:
    """Runs of a few steps, by family; each is trained once."""
    folder = tmp_path_factory.mktemp("runs")
    choices = {
        "vae": (curves, ["z_dim=4", "evaluations=1"]),
        "diffusion": (curves, DIFFUSION),
        "lm": ("toy-dna", LM),
    }
    known: dict[str, Run] = {}

    def run(family: str) -> Run:
        if family not in known:
            data, sets = choices[family]
            out = folder / family
            known[family] = genctl.train(
                family, data=data, budget="3steps", sets=sets, out=out, threads=1, device="cpu"
            )
        return known[family]

    return run


Call = Callable[..., str]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """``call("models")``: what a command prints."""

    def called(*arguments: object, code: int = 0) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == code
        return capsys.readouterr().out

    return called


def test_each_part_is_short() -> None:
    files = {file for part in PARTS.values() for file in part}
    every = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")}
    assert {name for name in every if (PACKAGE / name).stat().st_size} == files
    for part, names in PARTS.items():
        lines = [line for name in names for line in (PACKAGE / name).read_text().splitlines()]
        code = [line for line in lines if line.strip() and not re.match(r"(from|import) ", line)]
        assert len(code) < 60, part


@pytest.mark.parametrize(
    ("family", "suffix", "score"),
    [("vae", ".csv", "spectrum"), ("diffusion", ".csv", "spectrum"), ("lm", ".fa", "gc-error")],
)
def test_training_previews_and_scores(
    trained: Trained, family: str, suffix: str, score: str
) -> None:
    run = trained(family)
    previews = sorted((run.path / "samples").glob(f"step-*{suffix}"))
    assert previews[-1].name == f"step-00000003{suffix}"
    assert previews[-1].stat().st_size
    best = run.read("best.json")
    assert best["metric"] == score
    assert best["value"] >= 0


@pytest.mark.parametrize("family", ["vae", "diffusion"])
def test_curves_are_sampled_to_a_file(
    trained: Trained, call: Call, tmp_path: Path, family: str
) -> None:
    path = tmp_path / "new" / "samples.csv"
    call("sample", trained(family).path, "--n", 5, "--seed", 3, "--batch-size", 2, "--out", path)
    found = np.loadtxt(path, delimiter=",")
    assert found.shape == (5, 16)
    samples: Any = genctl.load(trained(family).path).generate(SampleRequest(5, seed=3))
    np.testing.assert_allclose(samples.array, found, atol=1e-4)


def test_sequences_are_sampled_to_a_file(trained: Trained, call: Call, tmp_path: Path) -> None:
    run, path = trained("lm").path, tmp_path / "samples.fa"
    call("sample", run, "--n", 4, "--prompt", "ACGT", "--max-new-tokens", 9, "--out", path)
    names, bases = path.read_text().splitlines()[::2], path.read_text().splitlines()[1::2]
    assert names == [">0", ">1", ">2", ">3"]
    assert all(re.fullmatch("ACGT[ACGTN]{0,9}", sequence) for sequence in bases)
    assert len(set(bases)) > 1
    # Sample 2 depends on the seed, its number and its prompt alone.
    request = SampleRequest(3, prompts=["ACGT"], options={"max_new_tokens": 9})
    alone: Any = genctl.load(run).generate(request)
    assert list(alone.bases) == bases[:3]


def test_a_suffix_that_the_output_does_not_have_is_refused(
    trained: Trained, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "samples.png"
    assert main(["sample", str(trained("vae").path), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "cannot save curves as" in said
    assert "use .csv" in said
    assert "samples.csv" in said
    assert not out.exists()


def test_samples_go_beside_a_run_by_themselves(trained: Trained, call: Call) -> None:
    for family, suffix in (("vae", ".csv"), ("lm", ".fa")):
        path = Path(call("sample", trained(family).path, "--n", 2, "--seed", 9, "-q").strip())
        assert path.parent == trained(family).path / "samples"
        assert path.suffix == suffix
        assert path.is_file()


@pytest.mark.parametrize("family", ["vae", "diffusion", "lm"])
def test_exports_open_again(trained: Trained, call: Call, tmp_path: Path, family: str) -> None:
    run, out = trained(family).path, tmp_path / "export"
    call("export", run, "--format", "safetensors", "--out", out)
    ours: Any = genctl.load(run).generate(3)
    theirs: Any = genctl.load(out).generate(3)
    assert ours.to_json() == theirs.to_json()
    if family != "lm":
        np.testing.assert_array_equal(ours.array, theirs.array)
    card = (out / "README.md").read_text()
    assert f"samples{'.fa' if family == 'lm' else '.csv'}" in card
    assert 'genctl.load(".").generate(64)' in card


def test_a_format_that_needs_a_tokenizer_is_refused(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(trained("lm").path), "--format", "hf"]) == 2
    assert "hf needs a tokenizer, and sequences have none" in capsys.readouterr().err


def test_the_surest_kind_takes_a_source(curves: Path, tmp_path: Path) -> None:
    fasta, table = tmp_path / "x.fa", tmp_path / "names.csv"
    fasta.write_text(">a\nACGT\n")
    table.write_text("file,label\n")
    for source, kind in ((curves, "curves"), (fasta, "sequences"), (table, "text")):
        found = registry.kind_of(str(source))
        assert found is not None
        assert found.name == kind


def test_data_are_checked_and_listed(call: Call, curves: Path) -> None:
    assert call("data", "check", curves).startswith(f"{curves}: curves\n")
    shown = call("data", "check", "toy-dna")
    assert shown.startswith("toy-dna: sequences\n")
    assert "tokens in windows of 32" in shown
    assert re.search(r"^toy-dna +sequences +64 random", call("data", "ls"), re.MULTILINE)


def test_data_that_cannot_be_read_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("1,2\n3\n")
    for words, file in (["data", "check"], "bad.csv"), (["train", "lm", "--data"], "none.fa"):
        assert main([*words, str(tmp_path / file)]) == 3
        assert file in capsys.readouterr().err


def test_a_family_is_shown_with_what_it_takes(call: Call, trained: Trained) -> None:
    assert "variational autoencoder" in call("models")
    assert re.search(r"^data +images, .*curves$", call("models", "vae"), re.MULTILINE)
    assert "54 curves of shape 1x1x16" in call("info", trained("vae").path)


def test_data_of_another_kind_are_told_where_they_go(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "vae", "--data", "toy-dna"]) == 3
    said = capsys.readouterr().err
    assert "toy-dna holds sequences, and vae learns from images" in said
    assert "genctl train lm --data toy-dna" in said


@pytest.mark.parametrize(
    ("family", "metric"), [("vae", "spectrum"), ("diffusion", "spectrum"), ("lm", "gc")]
)
def test_a_run_is_evaluated(trained: Trained, call: Call, family: str, metric: str) -> None:
    run = trained(family).path
    shown = json.loads(call("eval", metric, run, "--n", 12, "--json"))
    (score,) = shown["scores"]
    assert score["name"] == metric
    assert score["n_generated"] == 12
    assert 0 < score["error"] < abs(score["value"]) + 1
    assert score["higher_is_better"] is (False if metric == "spectrum" else None)
    everything = json.loads(call("eval", "all", run, "--n", 12, "--json"))
    assert [each["value"] for each in everything["scores"]] == [score["value"]]
    assert score["name"] in (run / "eval.html").read_text("utf-8")


def test_other_data_are_the_reference_if_they_are_named(
    trained: Trained, call: Call, curves: Path
) -> None:
    command = ("eval", "spectrum", trained("vae").path, "--n", 12, "--json")
    (own,) = json.loads(call(*command))["scores"]
    (other,) = json.loads(call(*command, "--ref", curves))["scores"]
    assert (own["n_reference"], other["n_reference"]) == (6, 60)


def test_a_file_of_samples_is_evaluated(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "found.fa"
    path.write_text(">a\nGGCC\n>b\nAATT\n>c\nACGT\n")
    (score,) = json.loads(call("eval", "gc", path, "--json"))["scores"]
    assert score["value"] == pytest.approx(0.5)
    assert score["error"] == pytest.approx(0.5 / 3**0.5)


def test_a_metric_is_refused_for_another_kind_of_output(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "gc", str(trained("vae").path)]) == 2
    assert "generates curves, and gc scores sequences" in capsys.readouterr().err


def test_a_metric_that_fails_leaves_the_others(
    trained: Trained, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained("lm").path
    shown = json.loads(call("eval", "all", run, "--n", 4, "--json"))
    reason = "the plug-in wrong_plugins:measure failed: RuntimeError: no number"
    assert shown["left_out"] == {"failing": reason}
    assert [score["name"] for score in shown["scores"]] == ["gc"]
    assert main(["eval", "failing", str(run)]) == 1
    assert reason in capsys.readouterr().err


def test_completion_knows_the_names() -> None:
    assert ("vae", "variational autoencoder") in list(completion.families())
    assert {"gc", "spectrum"} <= {name for name, _ in completion.metrics()}
    nothing_typed: Any = SimpleNamespace(meta={})
    assert "toy-dna" in completion.sources(nothing_typed)


def test_the_reference_documents_them() -> None:
    pages = dict(reference.pages())
    assert "model.z_dim" in pages["families/vae.md"]
    for page, names in (
        ("kinds.md", ("curves", "sequences", "toy-dna")),
        ("metrics.md", ("spectrum", "gc")),
    ):
        for name in names:
            assert re.search(rf"\b{name}\b", pages[page])


def test_a_plugin_of_api_1_is_shown_with_what_changed(call: Call) -> None:
    shown = call("doctor", "--json")
    (line,) = [text for name, text in _checks(shown) if name == "plug-in old"]
    assert "made for plug-in API 1" in line
    for change in ("`inputs` is now `reads`", "`output` is now `makes`", "`api=2`"):
        assert change in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("claiming", "RuntimeError: no answer"),
        ("unsure", "ValueError: None is not a valid Claim"),
        ("sourceless", "config is not a dataclass with the field source"),
        ("one-word", "words is 'thing', not two texts"),
        ("no-presets", "presets is empty"),
        ("absent", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("taken", "the name 'text' is already taken"),
        ("no-metric", "wrong_plugins:NO_METRIC is str, not a genctl MetricSpec"),
        ("newer", "made for plug-in API 3; this genctl has 2"),
    ],
)
def test_a_broken_plugin_is_shown(call: Call, name: str, reason: str) -> None:
    (line,) = [
        text for check, text in _checks(call("doctor", "--json")) if check == f"plug-in {name}"
    ]
    assert reason in line


def test_broken_plugins_stop_nothing_else(call: Call) -> None:
    kind = DATA_KINDS.get("claiming")
    assert kind.claims("digits") is Claim.NO
    assert kind.named() == {}
    assert "digits" in call("data", "ls")
    run = genctl.train("gan", preset="mlp", budget="1steps", sets=["evaluations=0"], threads=1)
    assert run.finished
    assert {"gc", "spectrum"} <= set(METRICS.names())


def test_claims_that_are_built_in_are_not_silenced(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: str) -> Claim:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("genctl.data.images.claims.claims", fail)
    with pytest.raises(RuntimeError, match="a bug of ours"):
        DATA_KINDS.get("images").claims("digits")


def _checks(document: str) -> Iterator[tuple[str, str]]:
    for check in json.loads(document)["checks"]:
        yield check["name"], check["text"]
