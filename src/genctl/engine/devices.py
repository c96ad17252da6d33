"""Where models run."""

from __future__ import annotations

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


def use_threads(threads: int | None) -> int:
    """Let torch use ``threads`` CPU threads, or its default when None; returns the number.

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
