"""The command line: parses the arguments, calls the SDK, shows the result.

Heavy packages are imported where a verb needs them, so help, completion and listings are fast.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

SPIN_COUNT = "10000"
"""How long an OpenMP thread of torch (GNU runtime) spins while it waits for the other threads.

The default of the runtime, 300,000, is 4 % faster on an idle machine. With one other busy process
on two cores the waiting threads take the time of the thread they wait for, and training is 2.3
times slower.
"""


def console() -> NoReturn:
    """The command ``genctl``: run `main`, then end this process.

    A process that trained in a process group exits without Python's teardown. During the teardown
    such processes sometimes aborted, after everything was written (docs/lab-notes.md).
    """
    from genctl.cli import interrupts

    interrupts.install()
    _open_closed_streams()
    try:
        status = main()
    except KeyboardInterrupt:
        interrupts.leave()
    interrupts.uninstall()
    distributed = sys.modules.get("genctl.engine.parallel.process_group")
    if distributed is not None and distributed.ProcessGroup.joined:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _open_closed_streams() -> None:
    """Give a process that was started without a stream an empty one (``>&-`` in a shell).

    Otherwise the next file that is opened would become that stream.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``genctl`` with ``argv`` (the process's own arguments when None).

    Returns:
        The exit status, a `genctl.errors.ExitStatus`.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)  # read when torch is loaded
    started = time.monotonic()  # before anything is loaded: wall-clock budgets count from here
    from genctl.cli.app import run

    return run(argv, started)
