"""Previously generated texts, from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion
from genctl.outputs.text.samples import RULE, TextSample, TextSamples


def read_samples(path: Path) -> TextSamples:
    """The texts in a file: saved samples, or one text per line.

    A ``.jsonl`` file has an object with ``text`` on each line. Any other file has texts between
    lines of dashes, as genctl writes them, or one text on each line that is not empty.

    Raises:
        GenctlError: (DATA) no such file, or a file without texts.
    """
    try:
        content = path.read_text("utf-8-sig")
        found = _lines(content) if path.suffix == ".jsonl" else _texts(content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error) or type(error).__name__
        raise GenctlError(
            ExitStatus.DATA,
            f"cannot read texts from {path}: {reason}",
            suggest=Suggestion(
                "sample",
                {"n": 200, "out": "samples.jsonl"},
                "writes such a file",
                args=(Placeholder("RUN"),),
            ),
        ) from None
    if not found:
        raise GenctlError(ExitStatus.DATA, f"{path} contains no texts")
    return TextSamples(found)


def _lines(content: str) -> list[TextSample]:
    documents: list[dict[str, Any]] = [
        json.loads(line) for line in content.split("\n") if line.strip()
    ]
    return [
        TextSample(
            str(document.get("prompt", "")),
            str(document["text"]),
            int(document.get("tokens", 0)),
            str(document.get("finished", "")),
        )
        for document in documents
    ]


def _texts(content: str) -> list[TextSample]:
    parts = content.split(RULE) if RULE in content else content.split("\n")
    return [TextSample("", part.strip("\n"), 0, "") for part in parts if part.strip()]
