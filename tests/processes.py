"""Several processes that train together, as torchrun starts them, for tests."""

from __future__ import annotations

import functools
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import ParamSpec

from genctl.errors import GenctlError
from tests.kills import killed

CRASHED = 99
P = ParamSpec("P")


def in_own_process(test: Callable[P, None]) -> Callable[P, None]:
    """Run a test in a forked child, where there are any.

    For tests that compile: the compiler leaves threads, pools of processes and loaded code behind,
    and a process with threads must not fork the children of later tests.
    """

    @functools.wraps(test)
    def forked(*args: P.args, **kwargs: P.kwargs) -> None:
        if hasattr(os, "fork"):
            assert not killed(lambda: test(*args, **kwargs))
        else:
            test(*args, **kwargs)

    return forked


def in_processes(work: Callable[[int], object], size: int = 2, seconds: float = 60) -> list[int]:
    """Run ``work`` of the rank in ``size`` forked processes; their exit statuses, by rank.

    Negative statuses are signals; a process that does not end in time is killed.
    """
    port = free_port()
    children = [_forked(work, rank, size, port) for rank in range(size)]
    deadline = time.monotonic() + seconds
    return [_status(child, deadline) for child in children]


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _forked(work: Callable[[int], object], rank: int, size: int, port: int) -> int:
    child = os.fork()
    if child:
        return child
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(size),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    status = CRASHED
    try:
        work(rank)
        status = 0
    except SystemExit as ended:
        status = int(ended.code or 0)
    except GenctlError as error:
        sys.stderr.write(f"error: {error.message}\n")
        status = int(error.code)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _status(child: int, deadline: float) -> int:
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)
