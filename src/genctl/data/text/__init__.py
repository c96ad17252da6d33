"""Text as data: files, folders and lines of JSON, as windows of tokens."""

from __future__ import annotations

from genctl.data.text.options import TextData
from genctl.registry import SPEC_API, DataKind

KIND = DataKind(
    api=SPEC_API,
    name="text",
    summary="text in windows of tokens",
    config=TextData,
    features={"tokens": "tokens"},
    outputs={"tokens": "text"},
    words=("window", "windows"),
    accepts="a text file, .jsonl, one of these packed, or a folder of them",
    targets={
        "claims": "genctl.data.text.claims:claims",
        "prepare": "genctl.data.text.prepare:prepare_text",
        "check": "genctl.data.text.check:check_texts",
        "list": "genctl.data.text.named:named_texts",
    },
)
