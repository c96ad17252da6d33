"""Mixed precision, decided once by what the device can do, never by a stopwatch."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

import torch

from genctl.errors import ExitStatus, GenctlError

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_amp(wanted: str, device: torch.device) -> str:
    """``auto`` as ``bf16``, ``fp16`` or ``off``: bf16 where a GPU has it, off on a CPU.

    CPU presets that gain from bf16 ask for it by name.

    Raises:
        GenctlError: the device cannot do what is wanted.
    """
    if wanted == "auto":
        if device.type != "cuda":
            return "off"
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"
    if wanted == "fp16" and device.type != "cuda":
        raise GenctlError(
            ExitStatus.USAGE, f"fp16 needs a CUDA device, this is {device}", hint="--amp bf16"
        )
    return wanted


class Precision:
    """Autocast and loss scaling for a run; ``amp`` is ``off``, ``bf16`` or ``fp16``."""

    def __init__(self, amp: str, device: torch.device) -> None:
        self._device_type = device.type
        self._dtype = DTYPES.get(amp)
        self.scaler = torch.amp.GradScaler(device.type, enabled=amp == "fp16")

    def autocast(self) -> AbstractContextManager[None]:
        """The context in which losses are computed."""
        if self._dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self._device_type, self._dtype)

    def fp32(self) -> AbstractContextManager[None]:
        """Full precision inside `autocast`."""
        if self._dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self._device_type, enabled=False)

    @property
    def loss_scale(self) -> float:
        return float(self.scaler.get_scale())
