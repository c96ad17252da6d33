"""``export``: writes a trained model in a format that other programs read, with a proof."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genctl.api.models.cards import export_card
from genctl.api.models.loading import load_model
from genctl.contracts import TOKENIZER, DecoderPlan
from genctl.engine.sampling.loaded import LoadedModel
from genctl.errors import ExitStatus, GenctlError, opt, unknown
from genctl.export import bundle, onnx
from genctl.export.card import for_diffusers, for_transformers
from genctl.export.decoder import gguf, hf
from genctl.export.diffusers import folder as diffusers
from genctl.export.diffusers.usage import usage
from genctl.export.document import asset_texts
from genctl.export.proof import Proof
from genctl.files import make_directory
from genctl.output import QUIET, Output
from genctl.registry import BUNDLE, FORMATS, Spec, formats_of
from genctl.runs import Run
from genctl.staging import is_free
from genctl.version import VERSION
from genctl.weights import flatten


@dataclass(frozen=True)
class Exported:
    """What `export` wrote.

    Attributes:
        path: the folder (safetensors, hf) or file (ONNX, GGUF).
        format: the name of the format.
        proof: what was compared after the export was read back.
    """

    path: Path
    format: str
    proof: Proof

    def to_json(self) -> dict[str, Any]:
        """The export as plain data."""
        return {"path": str(self.path), "format": self.format, "proof": self.proof.to_json()}

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.path} ({self.proof})"


def export(
    origin: str | Path | Run | None = None,
    format: str = BUNDLE,
    out: Path | None = None,
    *,
    checkpoint: str = "best",
    weights: str = "best",
    device: str | None = None,
    output: Output = QUIET,
) -> Exported:
    """Write a trained model in a format that other programs read, and check the result there.

    Args:
        origin: a run or a safetensors export; the latest run when None (see `genctl.load`).
        format: ``safetensors`` (every family: weights, configuration, model card in a folder) or
            one that the family supports: ``onnx`` (one file), ``hf`` (a folder that transformers
            opens), ``diffusers`` (a folder that diffusers opens), ``gguf`` and ``gguf-q8_0`` (one
            file for llama.cpp, with 16 or 8 bits per weight).
        out: the folder or file to write; when None, in ``export/`` of the run, or next to the
            export it is made from. An existing export is replaced, anything else is not.
        checkpoint: the checkpoint of a run: ``best``, ``last`` or a step.
        weights: the weights of a run: ``best``, an average's name such as ``ema``, or ``raw``.
        device: where torch runs the model that the export is compared with (see
            `resolve_device`).

    Raises:
        GenctlError: (USAGE) the format is unknown, ``out`` exists, or a package is missing;
            (PROOF_FAILED) the export computes something else than the model, and was not kept;
            others as `genctl.load`.
    """
    model = load_model(origin, checkpoint=checkpoint, weights=weights, device=device, output=output)
    return write(model, format, out)


def write(model: LoadedModel, format: str = BUNDLE, out: Path | None = None) -> Exported:
    """`export` for a model that is already loaded."""
    _refuse_onnx(model)
    if format not in formats(model.spec):
        raise unknown("format", format, formats(model.spec), option="format", suggest=BUNDLE)
    target = _default_place(model, format) if out is None else out
    _check_place(target, format, model)
    make_directory(target.parent)
    chosen = FORMATS[format]
    proof = _EXPORTERS[chosen.exporter].write(model, target, chosen.variant)
    return Exported(target, format, proof)


def formats(spec: Spec) -> list[str]:
    """The formats that a family can be exported to."""
    return formats_of(spec.targets)


def write_bundle(model: LoadedModel, path: Path) -> Proof:
    """Write ``model`` as a folder of safetensors that `genctl.load` takes.

    Raises:
        GenctlError: the model is an ONNX file, or the folder cannot be written or fails its proof.
    """
    _refuse_onnx(model)
    return bundle.write(
        path,
        _document(model),
        flatten(model.trained.modules),
        card=export_card(model),
        parents=model.origin / "parents",
        assets=model.trained.assets,
    )


def _write_onnx(model: LoadedModel, path: Path) -> Proof:
    plan = model.spec.load("exporter.onnx")(model.trained)
    return onnx.write(plan, path, _document(model) | asset_texts(model.trained.assets))


def _write_hf(model: LoadedModel, path: Path) -> Proof:
    plan = _decoder(model, "hf")
    return hf.write(plan, path, _document(model), for_transformers(export_card(model)))


def _write_diffusers(model: LoadedModel, path: Path) -> Proof:
    plan = model.spec.load("exporter.diffusers")(model.trained)
    card = for_diffusers(export_card(model), usage(plan))
    return diffusers.write(plan, path, _document(model), card)


def _write_gguf(model: LoadedModel, path: Path, quantization: str) -> Proof:
    return gguf.write(_decoder(model, "gguf"), path, _document(model), quantization)


def _decoder(model: LoadedModel, format: str) -> DecoderPlan:
    """The family's plan for a format whose files include the tokenizer.

    Raises:
        GenctlError: (USAGE) this kind of data has no tokenizer.
    """
    plan: DecoderPlan = model.spec.load(f"exporter.{format}")(model.trained)
    if TOKENIZER not in plan.assets:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{format} needs a tokenizer, and {model.data.kind} have none",
            option="format",
            suggest=BUNDLE,
        )
    return plan


@dataclass(frozen=True)
class _Exporter:
    """What writes the formats of one exporter.

    Attributes:
        write: writes the export of a model to a path in a variant of the format, and checks it.
        is_export: whether a path holds an export in one of these formats.
    """

    write: Callable[[LoadedModel, Path, str], Proof]
    is_export: Callable[[Path], bool]


_EXPORTERS = {
    "": _Exporter(lambda model, path, _: write_bundle(model, path), bundle.is_bundle),
    "onnx": _Exporter(lambda model, path, _: _write_onnx(model, path), onnx.is_export),
    "hf": _Exporter(lambda model, path, _: _write_hf(model, path), hf.is_export),
    "diffusers": _Exporter(
        lambda model, path, _: _write_diffusers(model, path), diffusers.is_export
    ),
    "gguf": _Exporter(_write_gguf, gguf.is_export),
}
"""`ExportFormat.exporter` -> what writes it."""


def _document(model: LoadedModel) -> dict[str, Any]:
    return {
        "genctl": VERSION,
        "config": model.config.to_json(),
        "data": model.data.to_json(),
        "weights": model.weights,
        "step": model.step,
    }


def _refuse_onnx(model: LoadedModel) -> None:
    if any(isinstance(module, onnx.OnnxModule) for module in model.trained.modules.values()):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{model.origin} is ONNX, which cannot be converted",
            hint="name the run, or the safetensors export, that it came from",
        )


def _default_place(model: LoadedModel, format: str) -> Path:
    chosen = FORMATS[format]
    name = model.origin.absolute().name + chosen.tail + chosen.suffix
    if bundle.is_bundle(model.origin):
        return model.origin.absolute().parent / name
    return model.origin / "export" / name


def _check_place(target: Path, format: str, model: LoadedModel) -> None:
    """Refuse a name that `genctl.load` would take for another format, and an occupied path."""
    suffix = FORMATS[format].suffix
    if suffix and target.suffix != suffix:
        reason, better = f"it does not end in {suffix}", f"{target}{suffix}"
    elif not suffix and target.suffix in (".onnx", ".gguf", ".safetensors"):
        reason, better = "it should be the name of a folder", str(target.with_suffix(""))
    elif os.path.realpath(target) == os.path.realpath(model.origin):
        reason, better = "the model itself is there", None
    elif not is_free(target) and not _is_export(target, suffix):
        reason, better = "it exists and is not an export of genctl", None
    else:
        return
    raise GenctlError(
        ExitStatus.USAGE,
        f"cannot export {format} to {target}: {reason}",
        hint="" if better else f"choose another {opt('out')}",
        option="out",
        suggest=better,
    )


def _is_export(path: Path, suffix: str) -> bool:
    """Whether ``path`` holds an export of genctl in any format with this suffix."""
    alike = {known.exporter for known in FORMATS.values() if known.suffix == suffix}
    return any(_EXPORTERS[exporter].is_export(path) for exporter in alike)
