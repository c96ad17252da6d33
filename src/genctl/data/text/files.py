"""Text files as documents: one per file, or one per line of JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from genctl import documents
from genctl.data.text.characters import UTF8, characters
from genctl.data.text.decompress import PACKED, without_packing
from genctl.errors import ExitStatus, GenctlError

_LINES = (".jsonl", ".ndjson")
_HALF = re.compile("[\ud800-\udfff]")

SUFFIXES = (*PACKED, *_LINES, ".txt", ".md")
"""Suffixes that are removed for the name of a text."""

Document = Iterator[str]
"""A text in pieces of about a megabyte."""


def read_text(path: Path, encoding: str = UTF8) -> Iterator[Document]:
    """The documents of one file: a single one, or one per line of JSON.

    Args:
        encoding: the encoding of the file if it has no byte-order mark and is not UTF-8.

    Raises:
        GenctlError: (DATA) the file is binary, damaged or wrongly encoded, or a line has no text.
    """
    pieces = characters(path, encoding)
    if has_lines(path):
        for text in _json_lines(path, pieces):
            yield iter([text])
    else:
        yield pieces


def has_lines(path: Path) -> bool:
    """Whether each line of the file is a JSON object."""
    return without_packing(path).suffix.lower() in _LINES


def field_of(line: str, *names: str) -> str:
    """The text in the first of the fields ``names`` that a line of JSON has.

    Raises:
        ValueError: it has no such field; the message says what is wrong.
    """
    try:
        record = documents.parse(line)
    except ValueError:
        record = None
    found = [record[name] for name in names if name in record] if isinstance(record, dict) else []
    if not found or not isinstance(found[0], str):
        raise ValueError(f"no JSON object with a text in the field {' or '.join(map(repr, names))}")
    if half := _HALF.search(found[0]):
        raise ValueError(f"its text has half a character, \\u{ord(half[0]):04x}")
    return found[0]


def lines_of(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text given in pieces, without their ends."""
    begun: list[str] = []
    for piece in pieces:
        first, *others = piece.split("\n")
        begun.append(first)
        for line in others:
            yield "".join(begun)
            begun = [line]
    if last := "".join(begun):
        yield last


def _json_lines(path: Path, pieces: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines_of(pieces), start=1):
        try:
            if line.strip():
                yield field_of(line, "text")
        except ValueError as error:
            raise GenctlError(
                ExitStatus.DATA,
                f"{path}, line {number}: {error}",
                hint='a line is {"text": "..."}',
            ) from None
