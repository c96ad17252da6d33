"""The language-model family through the SDK: presets, data, exactness, writing, scores, exports."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch

import genctl
from genctl.api.models.exporting import export
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError
from genctl.families.lm.spec import SPEC
from genctl.outputs.base import SampleRequest
from genctl.outputs.text.samples import TextSamples
from genctl.runs import Run
from tests.families.lm.texts import CHINESE, chinese, latin
from tests.kills import assert_same_end, killed_at_step, needs_fork

QUICK = ("width=32", "depth=2", "heads=2", "context=32", "short_context=8", "evaluations=0")


@pytest.fixture
def text(tmp_path: Path) -> str:
    return str(latin(tmp_path / "text.txt"))


def train(out: Path, *sets: str, budget: str = "2steps", **options: Any) -> Run:
    sets = (*QUICK, "tokenizer=char", *sets)
    return genctl.train("lm", out=out, budget=budget, sets=sets, threads=1, **options)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return checkpoint.group(checkpoint.choose(run, "last", print), "model")


def furthest(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> float:
    return max(float((one[name] - two[name]).abs().max()) for name in one)


@pytest.mark.parametrize("preset", SPEC.presets)
def test_two_steps_of_every_preset(preset: str, tmp_path: Path, text: str) -> None:
    small = ["vocab_size=300", "batch_size=4", "micro_batch=2", "compile=false"]
    run = train(tmp_path / "run", *small, preset=preset, data=text)
    assert run.finished
    (written,) = genctl.load(run).write(1, options={"max_new_tokens": "5"}).samples
    assert written.finished in {"length", "end"}  # which nobody has learnt yet
    assert written.tokens == 5 or written.finished == "end"


@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
def test_a_chinese_text_goes_the_whole_way(tokenizer: str, tmp_path: Path) -> None:
    source = chinese(tmp_path / "春晓.txt")
    sets = [f"tokenizer={tokenizer}", "vocab_size=300", "batch_size=8", "lr=0.02"]
    run = train(tmp_path / "模型", *sets, data=str(source), budget="60steps")
    model = genctl.load(run)
    assert model.data.name.startswith("春晓")
    (written,) = model.write(1, prompts=["春"], options={"max_new_tokens": "60"}).samples
    known = sum(character in f"{CHINESE}。\n" for character in written.text)
    assert known > 0.7 * len(written.text)
    again = genctl.load(export(run, out=tmp_path / "导出").path)
    (other,) = again.write(1, prompts=["春"], options={"max_new_tokens": "60"}).samples
    assert other == written


def test_it_learns_and_says_how_well(tmp_path: Path, text: str) -> None:
    run = train(tmp_path / "run", "evaluations=1", "batch_size=8", data=text, budget="80steps")
    best = run.read("best.json")
    assert best["metric"] == "bpb"
    found = genctl.evaluate("bpb", run)
    score = found.score
    assert 0 < score.value < 2.5
    assert score.value == pytest.approx(best["value"], rel=1e-4)
    details = score.details
    bits = details["nats_per_token"] / math.log(2) / details["bytes_per_token"]
    assert score.value == pytest.approx(bits, rel=1e-6)
    assert "ctx:32" in score.signature
    short = genctl.evaluate("bpb", run, context=8).score
    assert short.value != score.value
    assert "ctx:8" in short.signature
    assert (run.samples / f"step-{80:08d}.txt").read_text("utf-8")


def test_a_text_of_ones_own_can_be_scored(tmp_path: Path, text: str) -> None:
    run = train(tmp_path / "run", data=text, budget="4steps")
    other = tmp_path / "other.txt"
    other.write_text("the dog ran to the mat.\n" * 40, "utf-8")
    score = genctl.evaluate("bpb", run, ref=str(other)).score
    assert "other" in score.signature
    assert score.n_generated == 24 * 40 - 2  # but for the first token of each split


def test_samples_depend_on_their_seed_and_prompt_alone(tmp_path: Path, text: str) -> None:
    model = genctl.load(train(tmp_path / "run", "batch_size=8", data=text, budget="40steps"))
    prompts = ["The ", "A dog ran to ", "the"]
    options = {"max_new_tokens": "50"}

    def sampled(n: int, seed: int, batch_size: int) -> list[str]:
        texts = model.write(n, seed=seed, prompts=prompts, batch_size=batch_size, options=options)
        assert isinstance(texts, TextSamples)
        return [sample.text for sample in texts.samples]

    one, all_ = sampled(7, 3, 1), sampled(7, 3, 64)
    assert sum(a == b for a, b in zip(one, all_, strict=True)) >= 6
    assert sampled(3, 3, 64) == all_[:3]
    assert sampled(7, 4, 64) != all_
    assert "".join(model.stream("The ", seed=3, options=options)) == one[0]


def test_greedy_writing_needs_no_seed(tmp_path: Path, text: str) -> None:
    model = genctl.load(train(tmp_path / "run", data=text, budget="20steps"))
    options = {"temperature": "0", "max_new_tokens": "40"}
    one, two = (list(model.stream("The ", seed=seed, options=options)) for seed in (1, 2))
    assert "".join(one) == "".join(two)


def test_writing_goes_on_beyond_the_context(tmp_path: Path, text: str) -> None:
    model = genctl.load(train(tmp_path / "run", data=text, budget="20steps"))
    (slid,) = model.write(1, prompts=["The "], options={"max_new_tokens": "90"}).samples
    assert (slid.tokens, slid.finished) == (90, "length")
    stopped = {"max_new_tokens": "90", "overflow": "stop"}
    (full,) = model.write(1, prompts=["The "], options=stopped).samples
    assert full.finished == "context"
    assert slid.text.startswith(full.text)
    assert full.tokens < 32


@needs_fork
@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_killed_at_five_steps_ends_bit_equal(optimizer: str, tmp_path: Path, text: str) -> None:
    def work(name: str) -> Run:
        sets = ("checkpoint_seconds=1e-9", f"optimizer={optimizer}", "dropout_from=0.02")
        return train(tmp_path / name, *sets, data=text, budget="24steps")

    for last_step in sorted(random.Random(1).sample(range(2, 23), 5)):
        assert killed_at_step(last_step, lambda: work("killed"))
        assert Run(tmp_path / "killed").read("last.json")["step"] == last_step
    assert_same_end(work("whole"), work("killed"))


@pytest.mark.parametrize(("optimizer", "bound"), [("adamw", 1e-5), ("muon", 1e-3)])
def test_micro_batches_agree_with_whole_ones(
    optimizer: str, bound: float, tmp_path: Path, text: str
) -> None:
    sets = ("batch_size=8", "dropout=0", f"optimizer={optimizer}", "lr=1e-3")
    whole = train(tmp_path / "whole", *sets, data=text, budget="10steps")
    parts = train(tmp_path / "parts", *sets, "micro_batch=2", data=text, budget="10steps")
    assert furthest(weights(whole), weights(parts)) < bound


@pytest.mark.parametrize(
    "setting",
    [
        "optimizer=adam",
        "optimizer=sgd",
        "qk_norm=false",
        "tied=true",
        "kv_heads=1",
        "hidden=64",
        "rope_theta=500",
        "dropout_from=0",
        "short_share=0",
        "weight_decay=0.5",
        "adamw_lr=0.1",
        "warmup=0.5",
        "amp=bf16",
        "seed=7",
        "size=60k",
    ],
)
def test_every_setting_trains_and_matters(setting: str, tmp_path: Path, text: str) -> None:
    plain = weights(train(tmp_path / "plain", data=text, budget="6steps"))
    if setting.startswith("size"):
        sets = [s for s in QUICK if s.partition("=")[0] not in {"width", "depth", "heads"}]
        run = genctl.train(
            "lm", out=tmp_path / "other", budget="2steps", sets=[*sets, setting], data=text
        )
        assert genctl.load(run).config.model.width == 32
        return
    other = weights(train(tmp_path / "other", setting, data=text, budget="6steps"))
    assert all(tensor.isfinite().all() for tensor in other.values())
    assert plain.keys() != other.keys() or any(
        plain[name].shape != other[name].shape or not torch.equal(plain[name], other[name])
        for name in plain
    )


class TestInit:
    """Going on from the weights of an earlier run."""

    def test_training_begins_with_its_weights(self, tmp_path: Path, text: str) -> None:
        first = train(tmp_path / "first", "batch_size=8", data=text, budget="60steps")
        sets = ("batch_size=8", f"init={first.path}", "lr=1e-5", "adamw_lr=1e-5")
        again = train(tmp_path / "again", *sets, data=text, budget="1steps")
        assert furthest(weights(first), weights(again)) < 1e-3
        assert genctl.load(again).write(1, options={"max_new_tokens": "4"}).samples[0].tokens == 4

    def test_another_tokenizer_is_refused(self, tmp_path: Path, text: str) -> None:
        first = train(tmp_path / "first", "tokenizer=byte", data=text)
        with pytest.raises(GenctlError, match="another tokenizer") as refused:
            train(tmp_path / "again", f"init={first.path}", data=text)
        assert refused.value.code == ExitStatus.DATA
        kept = f"tokenizer={first.path / 'tokenizer' / 'tokenizer.json'}"
        assert train(tmp_path / "right", f"init={first.path}", kept, data=text).finished

    def test_another_shape_is_refused(self, tmp_path: Path, text: str) -> None:
        first = train(tmp_path / "first", data=text)
        for setting, words in (("width=64", "width 32"), ("heads=1", "heads 2")):
            with pytest.raises(GenctlError, match=f"the network of init has {words}") as refused:
                train(tmp_path / "again", f"init={first.path}", setting, data=text)
            assert refused.value.code == ExitStatus.USAGE


class TestMistakes:
    """One clear line, the right status, and nothing left behind."""

    def refused(self, tmp_path: Path, *sets: str, **options: Any) -> GenctlError:
        with pytest.raises(GenctlError) as refused:
            train(tmp_path / "run", *sets, **options)
        assert not (tmp_path / "run").exists()
        assert "\n" not in refused.value.message
        return refused.value

    def test_a_text_shorter_than_the_context(self, tmp_path: Path) -> None:
        (tmp_path / "short.txt").write_text("too short", "utf-8")
        error = self.refused(tmp_path, data=str(tmp_path / "short.txt"))
        assert error.code == ExitStatus.DATA
        assert "context" in error.message

    def test_heads_that_do_not_divide_the_width(self, tmp_path: Path, text: str) -> None:
        error = self.refused(tmp_path, "heads=3", data=text)
        assert error.code == ExitStatus.USAGE
        assert "heads=3" in error.message

    def test_a_prompt_longer_than_the_context(self, tmp_path: Path, text: str) -> None:
        model = genctl.load(train(tmp_path / "run", data=text))
        with pytest.raises(GenctlError, match="has 80 tokens, more than the context of 32"):
            model.write(1, prompts=["the " * 20])

    def test_a_character_that_the_text_does_not_have(self, tmp_path: Path, text: str) -> None:
        model = genctl.load(train(tmp_path / "run", data=text))
        with pytest.raises(GenctlError, match="猫") as refused:
            model.write(1, prompts=["the 猫"])
        assert refused.value.code == ExitStatus.USAGE

    def test_labels_and_images(self, tmp_path: Path, text: str) -> None:
        model = genctl.load(train(tmp_path / "run", data=text))
        with pytest.raises(GenctlError, match=r"generates texts; use Model\.write"):
            model.sample(1)
        with pytest.raises(GenctlError, match="trained without classes, so it takes no labels"):
            model.generate(SampleRequest(1, labels=[1]))
        with pytest.raises(GenctlError, match="generates texts, so image does not apply"):
            model.generate(SampleRequest(1, image=Path("a.png")))
        with pytest.raises(GenctlError, match="generates texts, and fid scores images"):
            genctl.evaluate("fid", model)
