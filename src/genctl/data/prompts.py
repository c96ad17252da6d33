"""Prompts from a file."""

from __future__ import annotations

import json
from pathlib import Path

from genctl.errors import ExitStatus, GenctlError


def read_prompts(path: Path) -> list[str]:
    """One prompt a line, or of ``.jsonl`` the field ``prompt`` or ``text`` of each line.

    Empty lines are passed over; in a plain file ``\\n`` within a prompt cannot be written.

    Raises:
        GenctlError: (DATA) the file cannot be read, or holds no prompt.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise GenctlError(ExitStatus.DATA, f"cannot read the prompts in {path}: {reason}") from None
    found = [line for line in lines if line.strip()]
    if path.suffix == ".jsonl":
        numbered = enumerate(lines, start=1)
        found = [_prompt(path, number, line) for number, line in numbered if line.strip()]
    if not found:
        raise GenctlError(ExitStatus.DATA, f"{path} holds no prompt", hint="write one a line")
    return found


def _prompt(path: Path, number: int, line: str) -> str:
    try:
        document = json.loads(line)
        prompt = document.get("prompt", document.get("text"))
    except (ValueError, AttributeError):
        prompt = None
    if not isinstance(prompt, str):
        raise GenctlError(
            ExitStatus.DATA,
            f"{path}, line {number}: no JSON object with a text in the field 'prompt' or 'text'",
            hint='a line is {"prompt": "..."}',
        )
    return prompt
