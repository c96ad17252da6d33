"""Previously generated texts, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genctl import documents
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion
from genctl.outputs.text.samples import RULE, TextSample, TextSamples


def read_samples(path: Path) -> TextSamples:
    """The texts in a file: saved samples, or one text per line.

    A ``.jsonl`` file has an object with ``text`` on each line. Any other file has a line of dashes
    after each text, as genctl writes it, or one text on each line that is not empty.

    Raises:
        GenctlError: (DATA) no such file, or a file without texts.
    """
    try:
        content = path.read_text("utf-8-sig")
        found = _lines(content) if path.suffix == ".jsonl" else _texts(content)
    except (OSError, ValueError) as error:
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
    lines = enumerate(content.split("\n"), 1)
    return [_sample(line, number) for number, line in lines if line.strip()]


def _sample(line: str, number: int) -> TextSample:
    """One line of a ``.jsonl`` file.

    Raises:
        ValueError: it is not an object with a text; the message names the line.
    """
    try:
        document: Any = documents.parse(line)
        if not isinstance(document, dict) or not isinstance(document.get("text"), str):
            raise ValueError("it is not an object with a text called text")
        return TextSample(
            str(document.get("prompt", "")),
            document["text"],
            int(document.get("tokens", 0)),
            str(document.get("finished", "")),
        )
    except (ValueError, TypeError) as error:
        raise ValueError(f"line {number}: {error}") from None


def _texts(content: str) -> list[TextSample]:
    if RULE not in content:
        return [TextSample("", line, 0, "") for line in content.split("\n") if line.strip()]
    *parts, rest = content.split(RULE)
    parts += [rest] if rest.strip() else []
    return [TextSample("", part.strip("\n"), 0, "") for part in parts]
