from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from genctl.errors import GenctlError
from genctl.export.document import asset_texts, from_text, to_text
from tests.export.decoder.decoders import DOCUMENT

FILES = {"tokenizer/词.json": '{"词": 1}\r\n'.encode()}


def naming(files: dict[str, bytes]) -> dict[str, Any]:
    """A document whose data name these files."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return DOCUMENT | {"data": DOCUMENT["data"] | {"assets": sums}}


def test_files_travel_as_text() -> None:
    text = to_text(naming(FILES) | asset_texts(FILES))
    document = from_text(text, Path("m.onnx"), also="weights")
    assert {k: v.encode() for k, v in document["assets"].items()} == FILES
    assert asset_texts({}) == {}


@pytest.mark.parametrize(
    "carried",
    [
        {"tokenizer/词.json": "{}"},
        {"tokenizer/other.json": "{}"},
        {},
        {"tokenizer/词.json": 1},
        "{}",
    ],
)
def test_files_that_are_not_those_of_the_data(carried: object) -> None:
    text = to_text(naming(FILES) | {"assets": carried})
    with pytest.raises(GenctlError, match="is damaged"):
        from_text(text, Path("m.onnx"), also="weights")


def test_a_document_names_no_files_elsewhere() -> None:
    data = DOCUMENT["data"] | {"assets": {"tokenizer/../../key": "0" * 64}}
    with pytest.raises(GenctlError, match="is damaged"):
        from_text(to_text(DOCUMENT | {"data": data}), Path("m.onnx"), also="weights")
