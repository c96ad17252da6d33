"""Mixed precision, chosen once from the capabilities of the device, not from timings."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager

import torch

from genctl.errors import ExitStatus, GenctlError

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(wanted: str, device: torch.device, *, by_preset: bool = False) -> str:
    """``auto`` as ``bf16``, ``fp16`` or ``fp32``: bf16 where a GPU has it, fp32 on a CPU.

    Args:
        by_preset: whether a preset chose it. A preset's bf16 is faster (measured) on a CPU that
            multiplies bf16 in hardware; other CPUs use fp32.

    Raises:
        GenctlError: the device does not support the precision.
    """
    if by_preset and wanted == "bf16" and device.type != "cpu":
        wanted = "auto"
    if by_preset and wanted == "bf16" and not multiplies_bf16():
        return "fp32"
    if wanted == "auto":
        if device.type != "cuda":
            return "fp32"
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"
    if wanted == "fp16" and device.type != "cuda":
        raise GenctlError(
            ExitStatus.USAGE,
            f"fp16 needs a CUDA device, and this is {device}",
            option="precision",
            suggest="bf16",
        )
    return wanted


def multiplies_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; False with torch before 2.13."""
    known = getattr(torch.cpu, "get_capabilities", None)
    found: Mapping[str, object] = known() if known is not None else {}
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))


class Precision:
    """Autocast and loss scaling for a run; ``name`` is ``fp32``, ``bf16`` or ``fp16``."""

    def __init__(self, name: str, device: torch.device) -> None:
        self._device_type = device.type
        self._dtype = DTYPES.get(name)
        self.scaler = torch.amp.GradScaler(device.type, enabled=name == "fp16")

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
