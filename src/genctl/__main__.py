"""``python -m genctl``: the command line."""

from __future__ import annotations

from genctl.cli import console

console()
