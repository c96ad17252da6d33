"""The linter of the documentation finds what it is for, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import lint_docs

LONG = "word " * 25


def messages(text: str, **options: bool) -> list[str]:
    return [str(finding) for finding in lint_docs.lint_text("page.md", text, **options)]


@pytest.mark.parametrize(
    "text",
    [
        "A short sentence.\nAnother one in a line of its own.",
        "See e.g. Zhao et al. 2020, Fig. 3 and Y. LeCun for details, cf. Table 1 vs. Table 2.",
        "The value is 3.5 and the file is `a.B. C`.",
        "## 1. Train a model",
        "1. First step",
        "| a table row. It may be long and have two sentences | " + LONG + "|",
        "[a link](" + "https://example.org/" + "x" * 100 + ")",
        "![an image](images/" + "x" * 100 + ".png)",
        "See https://example.org/" + "x" * 100 + " for more.",
        "```text\n" + LONG + "\nThe picture stands at 3. Nobody cares.\n```",
        "````text\n```\nanew. Again\n```\n````",
        "The option `pictures` is code.",
        "There is no telemetry, and the run is no longer needed.",
        "A [link text](../pictures/a.md) with a target.",
    ],
)
def test_good_text_passes(text: str) -> None:
    assert messages(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One sentence. And another.", "a second sentence"),
        ("One sentence. `code` begins another.", "a second sentence"),
        ("- **A lead.** The text follows.", "a second sentence"),
        ("Is it? Yes.", "a second sentence"),
        ("(One sentence.) And another.", "a second sentence"),
        (LONG, "columns, at most 100"),
        ("中文" * 30, "120 columns, at most 100"),
        ("The GAN stands at 169.", "'stands at'"),
        ("It makes images.", "'makes images'"),
        ("This is no folder.", "'is no'"),
        ("A Picture of a cat.", "'Picture'"),
        ("Left out: the latest run.", "'Left out:'"),
        ("The white part is made anew.", "'anew'"),
        ("It uses 3, unless told otherwise.", "'unless told'"),
        ("| a cell | one a line |", "'one a'"),
        ("Give a name, else it fails.", "', else'"),
        ("It begins by itself.", "'by itself'"),
    ],
)
def test_a_fault_is_found(text: str, found: str) -> None:
    (message,) = messages("First line.\n\n" + text)
    assert message.startswith("page.md:3: ")
    assert found in message


def test_a_fence_inside_of_a_list_ends() -> None:
    text = "- item\n\n  ```sh\n  genctl demo\n  ```\n\nOne. Two."
    (message,) = messages(text)
    assert message.startswith("page.md:7: ")


def test_chinese_pages_are_checked_for_length_in_characters() -> None:
    assert messages("中文" * 30 + "。图片。Picture. Two.", chinese=True) == []
    assert "102 columns" in messages("中文" * 51, chinese=True)[0]


def test_notebooks_are_checked_in_their_markdown_cells() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "One. Two."]},
        {"cell_type": "code", "source": ["# The picture. Made anew."]},
    ]
    (finding,) = lint_docs.lint_notebook("n.ipynb", json.dumps({"cells": cells}))
    assert "a second sentence" in str(finding)


def test_string_literals_of_modules_are_checked() -> None:
    source = (
        '"""Draw a picture.\n\nIt is made anew.\n"""\nNAME = "pictures"\nHELP = "Of a run: best."\n'
    )
    found = [str(finding) for finding in lint_docs.lint_source("module.py", source)]
    assert [line.rpartition(": write")[0] for line in found] == [
        "module.py:1: 'picture'",
        "module.py:3: 'anew'",
        "module.py:6: 'Of a'",
    ]


def test_the_command_reports_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lint_docs, "ROOT", tmp_path)
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text("One sentence.\n", "utf-8")
    bad.write_text("One. Two.\n", "utf-8")
    assert lint_docs.main([str(good)]) == 0
    assert capsys.readouterr().out == ""
    assert lint_docs.main([str(good), str(bad)]) == 1
    assert capsys.readouterr().out == "bad.md:1: a second sentence in the line: Two.\n"


def test_every_phrase_can_be_found() -> None:
    examples = (
        "made anew",
        "it stands at 3",
        "left out, it is 3",
        "making texts",
        "is no file",
        "pictures",
        "so many",
        "was told",
        "by themselves",
        "for want of",
        "two looks",
        "once more",
        "coming about",
        "goes on where",
        "whose way of",
        "after the manner of",
        "nobody",
        "mended",
        "sitting",
        "yours: a file of yours",
        "the way from a to b",
        "asks of it",
        "this, else that",
        "besides itself",
        "passed over",
        "drew some digits",
        "one a line",
        "contender",
        "at hand",
        "gets its name",
        "unasked",
    )
    assert len(examples) == len(lint_docs.PHRASES)
    for text, pattern in zip(examples, lint_docs.PHRASES, strict=True):
        assert list(lint_docs.avoided(text, {pattern: ""})), (text, pattern)
