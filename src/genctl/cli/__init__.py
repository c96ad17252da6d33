"""The command line: parses what a person types, calls the SDK, shows the result.

Nothing heavy is imported before a verb needs it: help, completion and listings answer at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``genctl`` with ``argv`` (the process's own arguments when None).

    Returns:
        The exit status, a `genctl.errors.ExitStatus`.
    """
    started = time.monotonic()  # before anything is loaded: wall-clock budgets count from here
    from genctl.cli.app import run

    return run(argv, started)
