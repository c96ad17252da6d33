"""The command line: parses what a person types, calls the SDK, shows the result.

Nothing heavy is imported before a verb needs it: help, completion and listings answer at once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

SPIN_COUNT = "10000"
"""How long an OpenMP thread of torch (GNU's runtime) waits awake for the others.

Its own default, 300,000, is 4 % faster on an idle machine; with one other busy process on two cores
it burns the time of the very thread that is waited for, and training is 2.3 times slower.
"""


def console() -> NoReturn:
    """The command ``genctl``: `main`, then the end of this process.

    One that trained with others leaves without Python's teardown: such processes were seen to
    abort at their end (docs/lab-notes.md), when everything was written.
    """
    status = main()
    distributed = sys.modules.get("genctl.engine.parallel.process_group")
    if distributed is not None and distributed.ProcessGroup.joined:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``genctl`` with ``argv`` (the process's own arguments when None).

    Returns:
        The exit status, a `genctl.errors.ExitStatus`.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)  # read when torch is loaded
    started = time.monotonic()  # before anything is loaded: wall-clock budgets count from here
    from genctl.cli.app import run

    return run(argv, started)
