"""A cleaned data set: a copy of the data without what would harm training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.registry import DATA_KINDS, kind_of


def clean_data(source: str, out: str | Path, **settings: Any) -> Any:
    """Write a cleaned copy of ``source`` to ``out``, in one piece or not at all.

    Args:
        settings: settings of the kind of data; see `genctl.data.images.clean.clean_data`.

    Raises:
        GenctlError: (USAGE) this kind of data cannot be cleaned, or ``out`` exists; (DATA) nothing
            is left.
    """
    kind = kind_of(source) or DATA_KINDS.all()[0]
    if "clean" not in kind.targets:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{source} holds {kind.name}, which cannot be cleaned",
            option="source",
            suggest=Suggestion("data check", args=(source,)),
        )
    return kind.load("clean")(source, out, **settings)
