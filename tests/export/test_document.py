from __future__ import annotations

from pathlib import Path

import pytest

from genctl.errors import GenctlError
from genctl.export.document import artefact_texts, from_text, to_text
from tests.export.decoders import DOCUMENT


def test_files_travel_as_text() -> None:
    files = {"tokenizer/词.json": '{"词": 1}\r\n'.encode()}
    document = from_text(to_text(DOCUMENT | artefact_texts(files)), Path("m.onnx"), also="weights")
    assert {k: v.encode() for k, v in document["artefacts"].items()} == files
    assert artefact_texts({}) == {}


def test_a_document_names_no_files_elsewhere() -> None:
    data = DOCUMENT["data"] | {"artefacts": {"tokenizer/../../key": "0" * 64}}
    with pytest.raises(GenctlError, match="is damaged"):
        from_text(to_text(DOCUMENT | {"data": data}), Path("m.onnx"), also="weights")
