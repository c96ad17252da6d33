"""Whether a source contains text, judged by its first bytes."""

from __future__ import annotations

from pathlib import Path

from genctl.data.source_files import files_of
from genctl.data.text.characters import is_binary
from genctl.data.text.source import BUILT_IN
from genctl.errors import GenctlError
from genctl.registry import Claim


def claims(source: str) -> Claim:
    """How sure it is that ``source`` contains text; one such file in a folder is enough."""
    if source == BUILT_IN:
        return Claim.SURE
    return Claim.LIKELY if any(_is_text(file) for file in files_of(source)) else Claim.NO


def _is_text(file: Path) -> bool:
    try:
        return not is_binary(file)
    except GenctlError:
        return False
