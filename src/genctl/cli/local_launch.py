"""``train --nproc``: this process and others beside it as one training, without torchrun.

torchrun would do, but puts pages of its own around an error and ends with a status of its own. Here
this process is rank 0, so that Ctrl-C, messages and the exit status are those of any training; the
others do as it does and end with it. Several machines are torchrun's to start.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence

from genctl.errors import ExitStatus, GenctlError

PATIENCE = 20.0
"""Seconds that the others have to end by themselves."""

_HOST = "127.0.0.1"
_STARTED = "GENCTL_NPROC"
"""Tells the processes started here from those of torchrun."""


@contextlib.contextmanager
def local_processes(
    count: int | None, words: Sequence[str], *, threads: int | None, device: str | None
) -> Iterator[None]:
    """Inside the block ``count - 1`` other processes run the same command.

    Args:
        count: of all processes together; nothing happens when None or 1, nor in the others.
        words: the command line after ``genctl``.
        threads: of each process, as the user chose; else the cores are shared out.
        device: as the user named it; the best there is when None.

    Raises:
        GenctlError: (USAGE) torchrun has already started several, or GPUs are too few.
    """
    if count is None or count == 1 or os.environ.get(_STARTED) == str(count):
        yield
        return
    if "RANK" in os.environ:
        raise GenctlError(
            ExitStatus.USAGE,
            "--nproc starts processes, and torchrun has started this one",
            hint="leave --nproc out",
        )
    with _environment(_shared(count, threads)):
        _refuse_few_gpus(count, device)
        command = [sys.executable, "-m", "genctl", *words]
        others = [_start(command, rank) for rank in range(1, count)]
        try:
            yield
        finally:
            _end(others)


def _shared(count: int, threads: int | None) -> dict[str, str]:
    """What torchrun would say in the environment, for rank 0."""
    found = {
        _STARTED: str(count),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "RANK": "0",
        "LOCAL_RANK": "0",
        "MASTER_ADDR": _HOST,
        "MASTER_PORT": str(_free_port()),
    }
    if threads is None and "OMP_NUM_THREADS" not in os.environ:
        found["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // count))
    return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)  # before torch is imported, which reads some of it
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _refuse_few_gpus(count: int, device: str | None) -> None:
    """Before any process waits for one that cannot come."""
    import torch

    gpus = torch.cuda.device_count()
    if gpus and count > gpus and not (device or "").startswith("cpu"):
        raise GenctlError(
            ExitStatus.USAGE,
            f"--nproc {count} needs as many GPUs, and there are {gpus}",
            hint=f"--nproc {gpus}, or --device cpu",
        )


def _start(command: Sequence[str], rank: int) -> subprocess.Popen[bytes]:
    numbers = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    return subprocess.Popen(command, env={**os.environ, **numbers}, stdin=subprocess.DEVNULL)


def _end(others: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait for the others, who were told to end; whoever does not is killed."""
    for process in others:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
