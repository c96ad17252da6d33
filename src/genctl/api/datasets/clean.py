"""A cleaned data set: a copy of the data without damaged and duplicate examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genctl.api.datasets.kinds import call_with, target_at
from genctl.data.findings import Cleaned


def clean_data(source: str, out: str | Path, **settings: Any) -> Cleaned:
    """Write a cleaned copy of ``source`` to ``out``, in one piece or not at all.

    Args:
        settings: settings of the kind of data; see `genctl.data.images.clean.clean_data`.

    Raises:
        GenctlError: (USAGE) this kind of data cannot be cleaned or does not have a setting, or
            ``out`` exists; (DATA) nothing is left.
    """
    kind, clean = target_at(source, "clean", "cleaned")
    cleaned: Cleaned = call_with(kind, clean, source, out, settings=settings)
    return cleaned
