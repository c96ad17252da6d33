"""The named sets of images."""

from __future__ import annotations

from genctl.data.images.sets.catalogue import NAMED_SETS


def named_sets() -> dict[str, str]:
    """Name -> one line."""
    return {name: known.summary for name, known in NAMED_SETS.items()}
