"""Prompts from a file."""

from __future__ import annotations

import re
from pathlib import Path

from genctl import documents
from genctl.data.text.decompress import blocks
from genctl.data.text.files import field_of, has_lines
from genctl.errors import ExitStatus, GenctlError


def read_prompts(path: Path) -> list[str]:
    """One prompt per line; in a ``.jsonl`` file, the field ``prompt`` or ``text`` of each line.

    The file may be packed by gzip or xz. Empty lines are skipped; a prompt in a plain file cannot
    contain ``\\n``.

    Raises:
        GenctlError: (DATA) the file cannot be read, or contains no prompts.
    """
    try:
        lines = re.split("\r\n|\r|\n", documents.text(b"".join(blocks(path))))
    except ValueError as error:
        raise GenctlError(
            ExitStatus.DATA, f"cannot read the prompts in {path}: {error}", option="prompts"
        ) from None
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} contains no prompts",
            hint="write one per line",
            option="prompts",
        )
    if has_lines(path):
        return [_prompt(path, number, line) for number, line in numbered]
    return [line for _, line in numbered]


def _prompt(path: Path, number: int, line: str) -> str:
    try:
        return field_of(line, "prompt", "text")
    except ValueError as error:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path}, line {number}: {error}",
            hint='a line is {"prompt": "..."}',
            option="prompts",
        ) from None
