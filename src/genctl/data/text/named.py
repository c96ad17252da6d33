"""The built-in texts."""

from __future__ import annotations

from genctl.data.text.source import BUILT_IN


def named_texts() -> dict[str, str]:
    """Name -> one line."""
    return {BUILT_IN: "the reference of the Python that runs genctl"}
