"""The order of files: the one people expect, the same on every system."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

Key = tuple[list[int | str], str]


def natural(path: PurePath) -> list[Key]:
    """A sorting key that puts ``2.png`` before ``10.png``, folder by folder."""
    return [natural_text(part) for part in path.parts]


def natural_text(text: str) -> Key:
    """The same for one name."""
    # Numbers are at the odd places of such a split, so two keys never compare text with number.
    pieces = re.split(r"([0-9]+)", unicodedata.normalize("NFC", text).casefold())
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)], text
