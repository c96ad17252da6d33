"""What ``evaluate`` scores with which metrics: models and files of text, kinds of plug-ins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import genctl
from genctl.api.evaluation.evaluate import evaluate
from genctl.api.evaluation.request import EvalRequest
from genctl.cli.errors import CommandLine
from genctl.data.images.sets.digits import load_digits
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.flat import PixelExtractor
from genctl.evaluation.image_needs import Available, missing
from genctl.registry import DATA_KINDS, METRICS, OUTPUT_KINDS
from tests.evaluation.toy_metrics import Numbers

TEXT = "the cat sat on the mat and the dog ran to the cat.\n"


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a small language model."""
    folder = tmp_path_factory.mktemp("lm")
    (folder / "text.txt").write_text(TEXT * 40, "utf-8")
    sets = ["width=16", "depth=1", "heads=2", "context=16", "evaluations=0", "tokenizer=char",
            "max_new_tokens=12"]  # fmt: skip
    source = str(folder / "text.txt")
    return genctl.train(
        "lm", data=source, budget="4steps", sets=sets, out=folder / "run", threads=1
    ).path


@pytest.fixture
def toys() -> Iterator[None]:
    OUTPUT_KINDS.register("toys", "tests.evaluation.toy_metrics:KIND")
    METRICS.register("brightness", "tests.evaluation.toy_metrics:BRIGHTNESS")
    METRICS.register("predicted", "tests.evaluation.toy_metrics:PREDICTED")
    yield
    OUTPUT_KINDS.unregister("toys")
    METRICS.unregister("brightness")
    METRICS.unregister("predicted")


def test_all_of_a_language_model(writer: Path) -> None:
    found = genctl.evaluate("all", writer, n=6)
    assert [s.name for s in found.scores] == ["bpb", "distinct-1", "distinct-2", "distinct-3"]
    assert found.left_out == {}
    bits, *distinct = found.scores
    assert bits.higher_is_better is False
    for score in distinct:
        assert 0 < score.value <= 1
        assert "|n:6|len:12|" in score.signature
    assert found.page == writer / "eval.html"
    document = json.loads((writer / "eval.json").read_text("utf-8"))
    assert [score["higher_is_better"] for score in document["scores"]] == [False, True, True, True]
    assert "share of different pairs" in found.page.read_text("utf-8")
    assert "per token" in found.facts


def test_samples_that_were_kept_are_scored(writer: Path, tmp_path: Path) -> None:
    model = genctl.load(writer)
    samples = model.write(8, seed=1)
    path = samples.save(tmp_path / "x.jsonl")
    shown = samples.save(tmp_path / "x.txt")
    values = {
        genctl.evaluate("distinct-2", subject).score.value
        for subject in (path, str(shown), samples)
    }
    assert values == {genctl.evaluate("distinct-2", model, n=8).score.value}
    (tmp_path / "lines.txt").write_text("a b\n\nb c\n", "utf-8")
    assert genctl.evaluate("distinct-1", tmp_path / "lines.txt").score.value == 3 / 4
    everything = genctl.evaluate("all", tmp_path / "lines.txt")
    assert [score.name for score in everything.scores] == ["distinct-1", "distinct-2"]
    assert everything.left_out == {
        "bpb": "bpb needs a model that generates text, and lines.txt is not one",
        "distinct-3": "no sample has 3 words, so there is no distinct-3",
    }


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.jsonl", "not json\n", "cannot read texts"),
        ("x.jsonl", '{"prompt": "a"}\n', "cannot read texts"),
        ("x.jsonl", "\n", "contains no texts"),
        ("x.txt", "one line\n", "at least 2 samples"),
    ],
)
def test_files_that_hold_no_samples(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(GenctlError, match=words) as caught:
        genctl.evaluate("distinct-1", tmp_path / name)
    assert caught.value.code is ExitStatus.DATA


def test_metrics_of_another_kind_are_refused(writer: Path) -> None:
    with pytest.raises(GenctlError, match="generates texts, and fid scores images") as caught:
        genctl.evaluate("fid", writer)
    assert caught.value.hint.startswith("the metrics of text are bpb, distinct-1")
    with pytest.raises(GenctlError, match="fid scores images, bpb scores text"):
        genctl.evaluate("fid,bpb", writer)
    with pytest.raises(GenctlError, match="context"):
        genctl.evaluate("distinct-1", writer, context=8)
    with pytest.raises(GenctlError, match="not from 2 to 16"):
        genctl.evaluate("bpb", writer, context=17)


def test_a_metric_of_two_kinds_follows_the_model(writer: Path, toys: None) -> None:
    assert genctl.evaluate("predicted", writer).score.value > 1
    assert genctl.evaluate("predicted,bpb", writer).scores[1].name == "predicted"


def test_a_plug_ins_kind_and_metric(tmp_path: Path, toys: None) -> None:
    (tmp_path / "x.toy").write_text("1 2 6")
    subjects: tuple[Any, ...] = (tmp_path / "x.toy", Numbers([1, 2, 6]))
    for subject in subjects:
        found = genctl.evaluate("brightness", subject)
        assert (found.score.value, found.score.higher_is_better) == (3, True)
    found = genctl.evaluate("all", tmp_path / "x.toy", out=tmp_path / "out")
    assert [score.name for score in found.scores] == ["brightness"]
    assert (
        found.left_out["predicted"]
        == "predicted needs a model that generates toys, and x.toy is not one"
    )
    assert "brightness" in (tmp_path / "out" / "eval.html").read_text("utf-8")


def test_a_model_whose_samples_are_a_plug_ins(
    tmp_path: Path, toys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = genctl.train(
        "gan", data="digits", preset="mlp", budget="1steps", out=tmp_path / "run", threads=1,
        sets=["evaluations=0", "batch_size=8"],
    )  # fmt: skip
    monkeypatch.setitem(DATA_KINDS.get("images").outputs, "image", "toys")
    found = genctl.evaluate("all", run, n=5)
    assert [score.name for score in found.scores] == ["brightness", "predicted"]
    assert found.scores[0].n_generated == 5
    with pytest.raises(GenctlError, match="generates toys, and fid scores images"):
        genctl.evaluate("fid", run)


def test_several_extractors_at_once() -> None:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    found = genctl.evaluate("fid,fd:px,kd[px],fd:rand", images[:30], ref=images[30:])
    assert [s.name for s in found.scores] == ["fd[rand]", "fd[px]", "fd[rand]", "kd[px]"]
    alone = genctl.evaluate("fid,kid", images[:30], ref=images[30:], extractor="px").scores
    assert [found.scores[1].value, found.scores[3].value] == [s.value for s in alone]
    assert found.scores[1].signature == alone[0].signature
    assert found.absent["fd[px]"] == "the reference has no held-out images"


def test_an_unknown_extractor_in_brackets() -> None:
    images = np.zeros((4, 8, 8, 3), np.uint8)
    with pytest.raises(GenctlError, match="unknown extractor 'digit'"):
        genctl.evaluate("fd:digit", images, ref=images)


def test_left_out_metrics_say_why() -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    found = genctl.evaluate("all", images[:8], ref=images[8:], extractor="px")
    assert set(found.left_out) == {"is", "prdc", "fid-infinity", "per-class", "memorisation"}
    assert "needs a classifier" in found.left_out["is"]
    assert found.left_out["prdc"] == "4 images, and it needs 6"


def test_a_baseline_that_cannot_be_computed_is_absent() -> None:
    images, _ = load_digits("test")
    found = genctl.evaluate("all", images[:40], ref=images[40:45], extractor="digits")
    why = "an Inception Score needs at least 10 images, and there are 5"
    assert found.absent["is[digits]"] == why
    alone = genctl.evaluate("is", images[:40], ref=images[40:45], extractor="digits")
    assert alone.real is None
    assert alone.score.value == next(s for s in found.scores if s.name == "is[digits]").value


def test_all_of_images_without_a_reference(tmp_path: Path) -> None:
    images, _ = load_digits("test")
    found = genctl.evaluate("all", images[:40], extractor="digits", out=tmp_path)
    assert [score.name for score in found.scores] == ["is[digits]"]
    assert found.left_out["fid"] == "array has no training data to compare with"
    assert set(found.left_out) >= {"fid", "kid", "prdc", "per-class", "memorisation"}
    assert "has no training data to compare with" in (tmp_path / "eval.html").read_text("utf-8")
    with pytest.raises(GenctlError, match="has no training data") as refused:
        genctl.evaluate("all", images[:40], extractor="px")
    assert refused.value.option == "ref"


def test_reasons_are_spelt_for_their_reader(writer: Path, tmp_path: Path) -> None:
    request = EvalRequest("all", writer, n=6, context=100_000, out=tmp_path)
    python = evaluate(request)
    words = "is not from 2 to 16, the context of the model"
    assert python.left_out["bpb"] == f"context=100000 {words}"
    typed = evaluate(request, spelling=CommandLine(["eval"]))
    assert typed.left_out["bpb"] == f"--context 100000 {words}"
    assert "--context 100000" in (tmp_path / "eval.html").read_text("utf-8")


def test_statistics_are_enough_for_metrics_that_need_no_single_image(tmp_path: Path) -> None:
    images, _ = load_digits("test")
    genctl.stats("digits", tmp_path / "ref.npz", n=64, extractor="px")
    METRICS.register("half", "tests.evaluation.toy_metrics:HALF")
    try:
        with pytest.raises(GenctlError, match="ref contains statistics") as refused:
            genctl.evaluate("kid", images[:40], ref=tmp_path / "ref.npz", extractor="px")
    finally:
        METRICS.unregister("half")
    enough = refused.value.message.partition("enough for ")[2]
    assert "fid" in enough
    assert "half" not in enough


def test_a_metric_that_needs_a_classifier_is_named() -> None:
    spec = replace(METRICS.get("is"), name="sure")
    error = missing(spec, Available(PixelExtractor()))
    assert error is not None
    assert error.message.startswith("sure needs a classifier, and the px extractor has none")
    assert error.hint == (
        'extractor="digits" for images of digits, or extractor="inception" with its weights'
    )
