"""The formats that trained models are exported to; `genctl.api.models.exporting` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

BUNDLE = "safetensors"
"""genctl's own format, for every family."""


@dataclass(frozen=True)
class ExportFormat:
    """A format.

    Attributes:
        exporter: the target ``exporter.NAME`` of families that have it; empty for all families.
        suffix: the suffix of its file; empty for a folder.
        tail: the end of its default name, which distinguishes it from other exports of the run.
        variant: which of the formats of one exporter it is.
    """

    exporter: str = ""
    suffix: str = ""
    tail: str = ""
    variant: str = ""


FORMATS: Mapping[str, ExportFormat] = MappingProxyType(
    {
        BUNDLE: ExportFormat(),
        "onnx": ExportFormat("onnx", ".onnx"),
        "hf": ExportFormat("hf", tail="-hf"),
        "diffusers": ExportFormat("diffusers", tail="-diffusers"),
        "gguf": ExportFormat("gguf", ".gguf", variant="f16"),
        "gguf-q8_0": ExportFormat("gguf", ".gguf", "-q8_0", variant="q8_0"),
    }
)
"""Name -> format."""


def formats_of(targets: Mapping[str, str]) -> list[str]:
    """The formats that a family with these targets can be exported to, `BUNDLE` first."""
    return [n for n, f in FORMATS.items() if not f.exporter or f"exporter.{f.exporter}" in targets]
