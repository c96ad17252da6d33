from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.compare import compare, compare_all, read_scores
from genctl.evaluation.score import Score
from genctl.files import write_json


def score(
    value: float, error: float = 0.1, n: str = "2000/7934", name: str = "fd[digits]"
) -> Score:
    return Score(
        name=name,
        value=value,
        error=error,
        error_kind="standard error over generated samples",
        n_generated=2000,
        n_reference=7934,
        signature=f"fd|ex:digits:1a2b|n:{n}|ref:digits.train@9f8e",
    )


def test_far_apart_and_close() -> None:
    far = compare(score(1.0), score(2.0))
    assert (far.difference, far.apart) == (1.0, True)
    assert far.error == pytest.approx(1.96 * 0.02**0.5, rel=1e-3)  # by now nearly normal
    assert not compare(score(1.0), score(1.2)).apart
    assert compare(score(2.0), score(1.0)).difference == -1.0


def test_scores_without_errors_differ_when_they_are_not_equal() -> None:
    assert compare(score(1.0, 0.0), score(1.1, 0.0)).apart
    equal = compare(score(1.0, 0.0), score(1.0, 0.0))
    assert (equal.apart, equal.error, equal.p_value) == (False, 0.0, 1.0)


def test_an_unknown_error_tells_nothing_apart(tmp_path: Path) -> None:
    unknown = score(1.0, math.nan)
    assert not compare(unknown, score(9.0)).apart
    write_json(tmp_path / "eval.json", {"scores": [unknown.to_json()]})
    read = read_scores(tmp_path / "eval.json")[unknown.name]
    assert math.isnan(read.error)
    assert str(read) == str(unknown) == "fd[digits] 1 ± unknown"


@pytest.mark.parametrize(("first", "second"), [(12, 300), (5, 5), (2000, 2000)])
def test_the_interval_is_that_of_welchs_test(first: int, second: int) -> None:
    random = np.random.default_rng(first)
    samples = random.normal(1.0, 0.5, first), random.normal(1.3, 2.0, second)
    one, two = (
        dataclasses.replace(
            score(float(x.mean()), float(stats.sem(x))), n_generated=len(x), n_reference=None
        )
        for x in samples
    )
    found = compare(one, two)
    theirs = stats.ttest_ind(samples[1], samples[0], equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert found.difference - found.error == pytest.approx(interval.low)
    assert found.difference + found.error == pytest.approx(interval.high)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert found.degrees == pytest.approx(theirs.df)
    assert found.apart == (theirs.pvalue < 0.05)


def test_a_deviation_over_splits_is_not_taken_for_a_standard_error() -> None:
    splits = np.array([9.1, 9.4, 8.7, 9.0, 9.2, 9.3, 9.1, 8.9, 9.0, 9.2])
    one, two = (
        dataclasses.replace(
            score(float(x.mean()), float(x.std())), groups=10, error_is_deviation=True
        )
        for x in (splits, splits + 0.3)
    )
    found, theirs = compare(one, two), stats.ttest_ind(splits + 0.3, splits)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert found.apart


def test_few_windows_of_a_text_have_students_quantile() -> None:
    one, two = (dataclasses.replace(score(value), groups=4) for value in (1.0, 1.33))
    found = compare(one, two)
    assert found.degrees == pytest.approx(6)
    assert found.error == pytest.approx(2.447 * 0.02**0.5, rel=1e-3)
    assert not found.apart


@pytest.mark.parametrize(
    ("kind", "groups", "is_deviation"),
    [
        ("standard deviation over 10 splits", 10, True),
        ("standard error over 4 windows", 4, False),
        ("standard error over generated samples", None, False),
    ],
)
def test_files_of_older_versions_say_it_in_words(
    kind: str, groups: int | None, is_deviation: bool, tmp_path: Path
) -> None:
    document = dataclasses.replace(score(1.0), error_kind=kind).to_json()
    del document["groups"], document["error_is_deviation"]
    (tmp_path / "old.json").write_text(json.dumps({"scores": [document]}), "utf-8")
    new = dataclasses.replace(score(1.0), groups=groups, error_is_deviation=is_deviation)
    (tmp_path / "new.json").write_text(json.dumps({"scores": [new.to_json()]}), "utf-8")
    for name in ("old.json", "new.json"):
        [found] = read_scores(tmp_path / name).values()
        assert (found.groups, found.error_is_deviation) == (groups, is_deviation)


def test_what_was_made_differently_is_refused() -> None:
    with pytest.raises(GenctlError, match="n is 2000/7934 in the first and 500/7934") as caught:
        compare(score(1.0), score(1.0, n="500/7934"))
    assert caught.value.code == ExitStatus.DATA
    assert "reference and n" in caught.value.hint


def test_a_signature_of_somebody_else_is_only_different() -> None:
    with pytest.raises(GenctlError, match="cannot be compared"):
        compare(score(1.0), dataclasses.replace(score(1.0), signature="fd|no colon|x"))


def test_only_what_both_have() -> None:
    kernel = score(0.1, name="kd[digits]")
    found = compare_all({"fd[digits]": score(1.0), "kd[digits]": kernel}, {"kd[digits]": kernel})
    assert [comparison.name for comparison in found] == ["kd[digits]"]
    with pytest.raises(GenctlError, match="no metric in common"):
        compare_all({"fd[digits]": score(1.0)}, {"kd[digits]": kernel})


def test_scores_read_back(tmp_path: Path) -> None:
    path = tmp_path / "分数.json"
    path.write_text(json.dumps({"scores": [score(1.5).to_json()], "reason": "x"}), "utf-8")
    assert read_scores(path) == {"fd[digits]": score(1.5)}


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"scores": [{}]}', '{"scores": 3}'])
def test_other_files_are_one_line(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(GenctlError, match=r"a\.json") as caught:
        read_scores(path)
    assert caught.value.code == ExitStatus.DATA
    assert "\n" not in caught.value.message
