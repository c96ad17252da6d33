"""Words of messages."""

from __future__ import annotations

from collections.abc import Iterable

NAMED = 3


def some_of(names: Iterable[str]) -> str:
    """Up to `NAMED` of ``names``, and how many more there are."""
    found = list(names)
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more
