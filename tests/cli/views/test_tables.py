"""Columns that line up, in every script and at every width."""

from __future__ import annotations

import os
import shutil
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from genctl.cli.views.tables import table

words = st.text(st.sampled_from("ab 猫狗é"), max_size=12).map(str.strip)


@given(st.lists(st.tuples(words, words, words), min_size=1, max_size=6))
def test_columns_begin_at_the_same_place(rows: list[tuple[str, str, str]]) -> None:
    marked = [(a, f"|{b}", f"|{c}") for a, b, c in rows]
    lines = table(marked).splitlines()
    assert len(lines) == len(rows)
    for place in (1, 2):
        assert len({cell_len("|".join(line.split("|")[:place])) for line in lines}) == 1


def test_no_rows() -> None:
    assert table([]) == ""


def test_on_a_terminal_long_texts_go_on_below_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    size = os.terminal_size((40, 20))
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: size)
    text = "one two three four five six seven eight nine ten"
    lines = table([("a", text), ("bb", "short")], ("KEY", "VALUE")).splitlines()
    assert lines[0] == "KEY  VALUE"
    assert all(len(line) <= 40 for line in lines)
    assert lines[2].startswith("     ")
    assert " ".join(line[5:] for line in lines[1:-1]) == text
    assert lines[-1] == "bb   short"
