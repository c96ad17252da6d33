"""Distinct n-grams: by hand, by their laws, in two scripts, and with errors that hold."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.compute import measure
from genctl.evaluation.inputs import SampleInputs
from genctl.evaluation.measures.distinct import distinct, tokens_of
from genctl.evaluation.measures.intervals import RESAMPLES
from genctl.outputs.text.samples import TextSample, TextSamples
from genctl.version import VERSION

words = st.lists(st.sampled_from(["a", "b", "c", "猫", "!"]), max_size=8).map(" ".join)
texts = st.lists(words, min_size=2, max_size=8)


def value(samples: list[str], n: int) -> float:
    return distinct(samples, n).value


def test_by_hand() -> None:
    samples = ["the cat sat", "the cat ran", "a dog"]
    assert value(samples, 1) == 6 / 8  # the cat sat ran a dog
    assert value(samples, 2) == 4 / 5  # the-cat cat-sat cat-ran a-dog
    assert value(samples, 3) == 2 / 2
    found = distinct(samples, 1)
    assert (found.different, found.total) == (6, 8)


def test_chinese_counts_characters() -> None:
    samples = ["春眠不覺曉", "春眠春眠"]
    assert value(samples, 1) == 5 / 9
    assert value(samples, 2) == 5 / 7  # 春眠 眠不 不覺 覺曉 眠春, among 4 and 3


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't stop: 3.5!", ["Don't", "stop", ":", "3", ".", "5", "!"]),
        ("'quoted' dogs'", ["'", "quoted", "'", "dogs", "'"]),
        ("l’été", ["l’été"]),
        ("e\u0301te\u0301", ["été"]),
        ("naïve_name  x\n\ny", ["naïve_name", "x", "y"]),
        ("我爱Python3。", ["我", "爱", "Python3", "。"]),
        ("東京タワーへ", ["東", "京", "タ", "ワ", "ー", "へ"]),
        ("がか\u3099", ["が", "が"]),
        ("น้ำดี", ["น้", "ำ", "ดี"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("안녕 세계", ["안녕", "세계"]),
        ("", []),
        (" \t\u0301", ["\u0301"]),
        ("می\u200cخواهم 👩\u200d🎓", ["می\u200cخواهم", "👩\u200d", "🎓"]),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert tokens_of(text) == tokens


@given(st.text())
def test_tokens_hold_all_but_spaces(text: str) -> None:
    assert all(token.strip() for token in tokens_of(text))
    assert tokens_of(text + " " + text) == tokens_of(text) * 2


@given(texts, st.sampled_from([1, 2, 3]), st.randoms())
def test_laws(samples: list[str], n: int, rng: random.Random) -> None:
    if all(len(tokens_of(text)) < n for text in samples):
        with pytest.raises(GenctlError, match="no sample has"):
            distinct(samples, n)
        return
    found = distinct(samples, n)
    assert 0 < found.value <= 1
    assert found.interval.low - 1e-9 <= found.value <= found.interval.high + 1e-9
    shuffled = rng.sample(samples, len(samples))
    assert value(shuffled, n) == found.value
    assert value([*samples, *samples], n) == found.value / 2
    assert value([text.upper() for text in samples], n) == found.value


def test_its_error_is_the_spread_over_sets_of_samples() -> None:
    vocabulary = [str(word) for word in range(500)]
    chances = 1 / np.arange(1, 501)
    for n in (1, 2):
        found = []
        for seed in range(40):
            draw = np.random.default_rng(seed)
            samples = [
                " ".join(draw.choice(vocabulary, draw.integers(5, 30), p=chances / chances.sum()))
                for _ in range(60)
            ]
            found.append(distinct(samples, n))
        spread = np.std([one.value for one in found], ddof=1)
        assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.35)


def test_errors_are_the_same_again() -> None:
    samples = ["a b c", "a b", "c c c d"]
    assert distinct(samples, 2) == distinct(samples, 2)
    assert distinct(samples, 2).error > 0


def test_too_few_samples() -> None:
    with pytest.raises(GenctlError, match="at least 2 samples") as caught:
        distinct(["a b c"], 1)
    assert caught.value.code is ExitStatus.DATA
    with pytest.raises(GenctlError, match="no sample has 3 words"):
        distinct(["a b", "c"], 3)


def test_the_score() -> None:
    samples = TextSamples([TextSample("once", text, 0, "") for text in ("a b", "b c", "c")])
    inputs = SampleInputs("x", "text", generate=lambda count: samples)
    [score] = measure("distinct-1", inputs)
    assert (score.name, score.value, score.n_generated) == ("distinct-1", 3 / 5, 3)
    assert score.higher_is_better is True
    assert score.signature == (
        f"distinct-1|tok:words-or-characters|n:3|len:unknown|boot:{RESAMPLES}|v:{VERSION}"
    )
