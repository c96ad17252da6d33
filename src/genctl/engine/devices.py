"""Where models run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from genctl.errors import ExitStatus, GenctlError, Suggestion, opt


def resolve_device(wanted: str | None) -> torch.device:
    """``cpu``, ``cuda``, ``cuda:1`` or ``mps``; the best available device when None.

    Raises:
        GenctlError: this machine does not have the device.
    """
    if wanted is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise _absent(wanted) from None
    if str(device) not in available_devices():
        raise _absent(wanted)
    return device


def available_devices() -> list[str]:
    """The name of every device on this machine."""
    names = ["cpu"]
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


@contextlib.contextmanager
def restored_threads() -> Iterator[None]:
    """After the block torch uses as many CPU threads as before."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


@contextlib.contextmanager
def threads_set_to(threads: int) -> Iterator[None]:
    """Inside the block torch uses ``threads`` CPU threads, and as many as before afterwards."""
    with restored_threads():
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        yield


def use_threads(threads: int | None) -> int:
    """Let torch use ``threads`` CPU threads, or as many as now when None; returns the number.

    This holds for the whole process, or to the end of `restored_threads`.

    Raises:
        GenctlError: the number is below 1.
    """
    if threads is not None:
        if threads < 1:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt('threads', threads)} is below 1",
                option="threads",
                suggest=1,
            )
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def _absent(wanted: str) -> GenctlError:
    return GenctlError(
        ExitStatus.USAGE,
        f"no device {wanted!r} here; choose one of: {', '.join(available_devices())}",
        option="device",
        suggest=Suggestion("doctor", text="shows what torch sees"),
    )
