from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genctl.decoding.stops import Stops

# Few letters, so that stops overlap themselves, each other and the text.
TEXTS = st.text("ab\n春", max_size=30)
STOPS = st.lists(st.text("ab\n春", min_size=1, max_size=5), max_size=4)


def before_the_first(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """Character by character: what comes before the first stop string that is whole."""
    for end in range(len(text) + 1):
        starts = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)], True
    return text, False


@given(text=TEXTS, stops=STOPS, cuts=st.lists(st.integers(0, 30)))
@example(text="\n\n\nUser", stops=["\n\nUser"], cuts=[2, 3])
@example(text="abba", stops=["abbb", "bb"], cuts=[3])
@example(text="aab", stops=["aaa", "ab"], cuts=[])
def test_pieces_joined_are_the_text_before_the_first_stop(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    watch = Stops(stops)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    given_out = [watch.feed(text[a:b]) for a, b in itertools.pairwise(edges)]
    given_out.append(watch.end())
    assert ("".join(given_out), watch.met) == before_the_first(text, stops)


def test_text_is_held_back_only_while_it_may_become_a_stop() -> None:
    watch = Stops(["\n\nUser", "。完"])
    fed = ["a", "\n", "\n", "Us", "x", "。", "好", "\n\n\n", "Use", "r!", "more"]
    assert [watch.feed(text) for text in fed] == [
        "a", "", "", "", "\n\nUsx", "", "。好", "\n", "", "", "",
    ]  # fmt: skip
    assert watch.met
    assert watch.end() == ""


@pytest.mark.parametrize("stops", [[], ["z"]])
def test_text_that_cannot_become_a_stop_is_never_held(stops: list[str]) -> None:
    watch = Stops(stops)
    assert [watch.feed(letter) for letter in "春眠不觉晓"] == list("春眠不觉晓")


def test_what_is_held_comes_out_at_the_end() -> None:
    watch = Stops(["abc"])
    assert watch.feed("xab") == "x"
    assert watch.end() == "ab"
    assert watch.end() == ""
    assert not watch.met
