"""Every document that genctl writes is JSON, whatever numbers and names are in it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genctl import documents
from genctl.engine.reporting.loggers import JsonLines
from genctl.export import document as export_document
from genctl.files import write_json
from genctl.output import Mode, Output
from genctl.outputs.text.samples import TextSample, TextSamples
from genctl.runs import Run

NAMES = st.text(st.characters(), max_size=8)  # with halves of characters, as names of files have
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | NAMES
VALUES = st.recursive(
    PLAIN, lambda v: st.lists(v) | st.tuples(v) | st.dictionaries(NAMES, v), max_leaves=8
)


def strictly_parsed(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text.encode()
    return json.loads(text, parse_constant=refuse)


def expected(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: expected(inner) for key, inner in value.items()}
    return [expected(inner) for inner in value] if isinstance(value, list | tuple) else value


def as_result(value: Any, folder: Path) -> Any:
    stdout = StringIO()
    Output(Mode.JSON, stdout=stdout).result({"value": value}, "")
    return strictly_parsed(stdout.getvalue())["value"]


def as_file(value: Any, folder: Path) -> Any:
    write_json(folder / "file.json", value)
    return strictly_parsed((folder / "file.json").read_text("utf-8"))


def as_record(value: Any, folder: Path) -> Any:
    Run(folder).write("env.json", {"starts": value})
    return strictly_parsed((folder / "env.json").read_text("utf-8"))["starts"]


def as_metrics(value: Any, folder: Path) -> Any:
    for resumed_at in (0, 2):  # the second writes the row of the first again
        JsonLines(folder / "metrics.jsonl", resumed_at).log(resumed_at + 1, {"loss": value})
    one, two = (folder / "metrics.jsonl").read_text("utf-8").split("\n")[:2]
    assert strictly_parsed(one)["loss"] == strictly_parsed(two)["loss"]
    (folder / "metrics.jsonl").unlink()
    return strictly_parsed(one)["loss"]


def in_an_export(value: Any, folder: Path) -> Any:
    return strictly_parsed(export_document.to_text({"value": value}))["value"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("write", [as_result, as_file, as_record, as_metrics, in_an_export])
@given(value=VALUES)
def test_numbers_that_json_cannot_hold_are_null(
    write: Callable[[Any, Path], Any], value: Any, tmp_path: Path
) -> None:
    assert write(value, tmp_path) == expected(value)


@pytest.mark.parametrize("text", ["a\udcffb", "\ud800", "café 猫\n", "\x00\u2028"])
def test_texts_come_back(text: str) -> None:
    line = TextSamples([TextSample(text, text, 1, "length")]).jsonl()
    assert strictly_parsed(line)["text"] == text
    assert documents.parse(documents.to_json({text: [text]})) == {text: [text]}
    assert documents.to_json("café 猫") == '"café 猫"'
