"""The evidence that an export computes what the model computes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from genctl.errors import ExitStatus, GenctlError, Suggestion


@dataclass(frozen=True)
class Proof:
    """The comparison of an export, as its target program reads it, with the model.

    Attributes:
        format: the format of the export.
        runtime: the program that read it, with its version.
        inputs: the inputs of the comparison.
        error: the largest difference found, on the scale of `scaled_error`.
        tolerance: the largest difference that passes.
    """

    format: str
    runtime: str
    inputs: tuple[str, ...]
    error: float
    tolerance: float

    def to_json(self) -> dict[str, Any]:
        """The proof as plain data."""
        return asdict(self) | {"inputs": list(self.inputs)}

    def __str__(self) -> str:
        """The proof as one readable line."""
        tried = ", ".join(self.inputs)
        return f"{self.runtime}: {tried}; error {self.error:.2g}, allowed {self.tolerance:g}"


def scaled_error(expected: Tensor, got: Tensor) -> float:
    """``max|expected - got| / max(1, max|expected|)``; infinite if either is not finite.

    Args:
        expected, got: tensors of one shape and any type.
    """
    expected, got = expected.detach().double(), got.detach().double()
    if not (expected.isfinite().all() and got.isfinite().all()):
        return float("inf")
    if not expected.numel():
        return 0.0
    return float((expected - got).abs().max() / expected.abs().max().clamp(min=1.0))


def refuted(path: Path, reason: str) -> GenctlError:
    """The error for an export that differs from the model; the export is deleted."""
    return GenctlError(
        ExitStatus.PROOF_FAILED,
        f"{path} was not written: {reason}",
        option="format",
        suggest=Suggestion("", {"format": "safetensors"}, "keeps the model as it is"),
    )
