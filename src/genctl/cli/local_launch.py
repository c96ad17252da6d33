"""``train --nproc``: runs a training in several processes of this machine.

torchrun can do the same, but it prints pages around an error and ends with its own exit status.
Here this process is rank 0, so Ctrl-C, messages and the exit status work as in any training. It
forks the other processes when torch is loaded, and they end with it. For several machines, use
torchrun.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from genctl.errors import ExitStatus, GenctlError

if TYPE_CHECKING:
    from genctl.engine.parallel.shared_memory import SharedMemory

PATIENCE = 5.0
"""Seconds that the other processes have to end before they are killed; they write nothing."""

_HOST = "127.0.0.1"
_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def local_processes(
    count: int | None, *, threads: int | None, device: str | None
) -> Iterator[SharedMemory | None]:
    """Run the block, and what follows it, in ``count`` processes.

    This process waits for the others after the block.

    Args:
        count: the number of all processes; None and 1 start no others.
        threads: CPU threads of each process; None divides the cores among them.
        device: as the user named it; None for the best one available.

    Yields:
        The memory that the processes share; None if there is one process, or if they use GPUs.

    Raises:
        GenctlError: (USAGE) torchrun has already started several, or there are too few GPUs or
            cores.
    """
    if count is None or count == 1:
        yield None
        return
    if "RANK" in os.environ:
        raise GenctlError(
            ExitStatus.USAGE,
            "--nproc starts processes, but torchrun has started this one",
            hint="leave --nproc out",
        )
    with _environment(_shared(count, threads)):
        gpus = _gpus(device)
        _refuse_too_many(count, gpus)
        memory = None if gpus else _shared_memory(count)
        others = _forked(count, memory)
        try:
            yield memory
        finally:
            _end(others)


def _shared(count: int, threads: int | None) -> dict[str, str]:
    """The environment that torchrun would set, for rank 0."""
    found = {
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "RANK": "0",
        "LOCAL_RANK": "0",
        "MASTER_ADDR": _HOST,
        "MASTER_PORT": str(_free_port()),
    }
    if threads is None and "OMP_NUM_THREADS" not in os.environ:
        found["OMP_NUM_THREADS"] = str(max(1, usable_cores() // count))
    return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)  # torch reads some of it when it is loaded
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _gpus(device: str | None) -> int:
    """How many GPUs the processes can use."""
    import torch

    return 0 if (device or "").startswith("cpu") else torch.cuda.device_count()


def _refuse_too_many(count: int, gpus: int) -> None:
    """Check the number of GPUs or cores before any process waits for a missing one.

    Raises:
        GenctlError: (USAGE) ``count`` is above the number of GPUs, or of cores without GPUs.
    """
    cores = usable_cores()
    if gpus and count > gpus:
        raise GenctlError(
            ExitStatus.USAGE,
            f"--nproc {count} needs {count} GPUs, and this machine has {gpus}",
            hint=f"--nproc {gpus}, or --device cpu --nproc {min(count, cores)}",
        )
    if not gpus and count > cores:
        raise GenctlError(
            ExitStatus.USAGE,
            f"--nproc {count} is above the number of CPU cores, {cores}",
            hint=f"--nproc {cores}" if cores > 1 else "leave --nproc out",
        )


def usable_cores() -> int:
    """The CPU cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _shared_memory(count: int) -> SharedMemory:
    from genctl.engine.parallel.process_group import TIMEOUT
    from genctl.engine.parallel.shared_memory import SharedMemory

    return SharedMemory(count, TIMEOUT.total_seconds())


def _forked(count: int, memory: SharedMemory | None) -> list[int]:
    """Fork ``count - 1`` processes; their numbers, and an empty list in each of them."""
    parent, others = os.getpid(), []
    for rank in range(1, count):
        child = os.fork()
        if child == 0:
            os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank))
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # rank 0 answers it for all
            _end_with(parent)
            if memory:
                memory.join(rank)
            return []
        others.append(child)
    if memory:
        memory.join(0)
    return others


def _end_with(parent: int) -> None:
    """Let the system kill this process when ``parent`` has ended, where the system can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(int(ExitStatus.FAILURE))


def _end(others: Sequence[int]) -> None:
    """Wait for the other processes, which were asked to end; kill those that do not."""
    deadline = time.monotonic() + PATIENCE
    for child in others:
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.01)
