"""The layout of help: two columns that line up, lines that fit, nothing broken at a hyphen."""

from __future__ import annotations

from genctl.cli.views.help_page import UNBROKEN, Section, help_page

ROWS = [("--short N", "a text that is long enough to need a second line of help"), ("--b", "")]


def test_columns_line_up() -> None:
    page = help_page("x [OPTIONS]", "First.\n\nSecond.", [Section("Options", ROWS)], "end", 40)
    assert page.splitlines() == [
        "Usage: x [OPTIONS]",
        "",
        "First.",
        "",
        "Second.",
        "",
        "Options:",
        "  --short N  a text that is long enough",
        "             to need a second line of",
        "             help",
        "  --b",
        "",
        "end",
    ]


def test_a_long_name_has_a_line_of_its_own() -> None:
    rows = [("--a-name-that-is-far-too-long NAME", "text"), ("--b", "other")]
    assert help_page("x", "", [Section("Options", rows)], "", 60).splitlines()[2:] == [
        "Options:",
        "  --a-name-that-is-far-too-long NAME",
        "       text",
        "  --b  other",
    ]


def test_lines_break_only_at_spaces_that_may_break() -> None:
    rows = [("--b", f"mixed-precision [default:{UNBROKEN}no-flip]")]
    lines = help_page("x", "", [Section("Options", rows)], "", 30).splitlines()
    assert lines[3:] == ["  --b  mixed-precision", "       [default: no-flip]"]


def test_a_cut_section_has_a_line_a_row() -> None:
    rows = [("name", "width=32 depth=4 budget=90k and more"), ("b", "short")]
    assert help_page("x", "", [Section("Presets", rows, cut=True)], "", 30).splitlines()[2:] == [
        "Presets:",
        "  name  width=32 depth=4 ...",
        "  b     short",
    ]


def test_empty_sections_are_left_out() -> None:
    assert help_page("x", "text", [Section("Options", [])], "", 60) == "Usage: x\n\ntext"
