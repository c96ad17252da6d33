"""Words and numbers of messages."""

from __future__ import annotations

import math
from collections.abc import Iterable

NAMED = 3


def some_of(names: Iterable[str]) -> str:
    """Up to `NAMED` of ``names``, and how many more there are."""
    found = list(names)
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more


def number(value: float | None, form: str = ".4g") -> str:
    """``value`` in a format of `format`; ``unknown`` for none, which JSON has as ``null``."""
    return "unknown" if value is None or math.isnan(value) else format(value, form)
