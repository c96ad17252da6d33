"""ZIPs that are whole, and of a kind that nobody reads."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Odd(NamedTuple):
    """A byte of the directory's first entry, what it becomes, and what is said of it."""

    place: int
    value: int
    message: str


ODD_ZIPS = {
    "version": Odd(6, 131, "zip file version 13.1"),
    "locked": Odd(8, 1, "encrypted"),
    "compression": Odd(10, 99, "compression"),
}


def made_odd(path: Path, kind: str) -> Path:
    """The ZIP at ``path``, changed in place."""
    odd, content = ODD_ZIPS[kind], bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + odd.place] = odd.value
    path.write_bytes(content)
    return path
