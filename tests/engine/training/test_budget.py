from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.engine.training.budget import Budget, parse_budget, times_in
from genctl.errors import ExitStatus, GenctlError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20steps", Budget(examples=1280)),
        ("1step", Budget(examples=64)),
        ("250k", Budget(examples=249_984)),
        ("1.5M images", Budget(examples=1_500_032)),
        ("3epochs", Budget(examples=2_944)),
        ("1000", Budget(examples=1024)),
        ("1", Budget(examples=64)),
        ("110s", Budget(seconds=110)),
        ("5m", Budget(seconds=300)),
        (".5h", Budget(seconds=1800)),
    ],
)
def test_units(text: str, expected: Budget) -> None:
    assert parse_budget(text, per_step=64, dataset_size=980) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10Mtokens", Budget(examples=39_072)),
        ("500ktok", Budget(examples=1_952)),
        ("1token", Budget(examples=32)),
        ("64", Budget(examples=64)),
        ("2epochs", Budget(examples=1_952)),
    ],
)
def test_tokens_are_counted_in_windows(text: str, expected: Budget) -> None:
    found = parse_budget(text, per_step=32, dataset_size=980, tokens_per_example=256)
    assert found == expected


@pytest.mark.parametrize(("text", "expected"), [("10k melodies", 9_984), ("1 melody", 64)])
def test_examples_may_have_the_words_of_their_kind(text: str, expected: int) -> None:
    words = ("melody", "melodies")
    assert parse_budget(text, per_step=64, dataset_size=9, words=words) == Budget(expected)
    assert times_in("1kmelodies", "100", words) == 10
    with pytest.raises(GenctlError, match="steps, epochs, tokens, images, s, m or h"):
        parse_budget(text, per_step=64, dataset_size=9)


@pytest.mark.parametrize("text", ["", "0", "0steps", "-5m", "5 parsecs", "nan", "1e9", "5km", "m"])
def test_what_is_no_budget_is_refused_with_examples(text: str) -> None:
    with pytest.raises(GenctlError, match="is not a budget") as refused:
        parse_budget(text, per_step=64, dataset_size=980)
    assert refused.value.code == ExitStatus.USAGE
    assert 'or budget="5m"' in refused.value.hint


@given(st.text(max_size=12))
def test_any_text_is_a_budget_of_something_or_refused(text: str) -> None:
    try:
        budget = parse_budget(text, per_step=8, dataset_size=100)
    except GenctlError:
        return
    assert (budget.examples or budget.seconds or 0) > 0


@given(st.integers(1, 10**6), st.integers(1, 512))
def test_examples_are_whole_steps_and_close(examples: int, per_step: int) -> None:
    budget = parse_budget(str(examples), per_step=per_step, dataset_size=1)
    assert budget.examples is not None
    assert budget.examples % per_step == 0
    assert abs(budget.examples - examples) <= max(per_step / 2, per_step - examples)


def test_fraction_is_of_what_the_budget_counts() -> None:
    assert Budget(examples=100).fraction(25, 1e9) == 0.25
    assert Budget(seconds=60).fraction(10**9, 15) == 0.25
    assert Budget(examples=100).fraction(100, 0) == 1.0
    assert Budget(seconds=60).fraction(10**9, 59.9) < 1.0


@pytest.mark.parametrize(
    ("budget", "every", "times"),
    [
        ("5m", "10%", 10),
        ("5m", "30s", 10),
        ("90k", "20k", 4),
        ("1M images", "250k", 4),
        ("10Mtokens", "5Mtok", 2),
        ("3epochs", "1epoch", 3),
        ("20steps", "30steps", 1),
        ("1000steps", "33.4%", 2),
    ],
)
def test_how_often_in_a_budget(budget: str, every: str, times: int) -> None:
    assert times_in(budget, every) == times


@pytest.mark.parametrize("every", ["", "0%", "%", "soon", "10steps", "0s", "-1s", "nan%"])
def test_what_is_no_part_of_a_budget(every: str) -> None:
    with pytest.raises(GenctlError, match="neither a share of the budget nor") as caught:
        times_in("5m", every)
    assert caught.value.code is ExitStatus.USAGE
