from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.compare import compare, compare_all, read_scores
from genctl.evaluation.score import Score


def score(
    value: float, error: float = 0.1, n: str = "2000/7934", name: str = "fd[digits]"
) -> Score:
    return Score(
        name=name,
        value=value,
        error=0.1,
        error_kind="standard error",
        n_generated=2000,
        n_reference=7934,
        signature=f"fd|ex:digits:1a2b|n:{n}|ref:digits.train@9f8e",
    )


def test_far_apart_and_close() -> None:
    far = compare(score(1.0), score(2.0))
    assert (far.difference, far.apart) == (1.0, True)
    assert far.error == pytest.approx(1.96 * 0.02**0.5)
    assert not compare(score(1.0), score(1.2)).apart
    assert compare(score(2.0), score(1.0)).difference == -1.0


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
