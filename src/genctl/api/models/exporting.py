"""``export``: a trained model in a format that other programs read, with a proof."""

from __future__ import annotations

import functools
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
from genctl.registry import Spec
from genctl.runs import Run
from genctl.version import VERSION
from genctl.weights import flatten

BUNDLE = "safetensors"


@dataclass(frozen=True)
class Exported:
    """What `export` left behind.

    Attributes:
        path: the folder (safetensors, hf) or file (ONNX, GGUF).
        format: of the export.
        proof: what was compared after reading it back.
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
    """Write a trained model in a format that other programs read, and prove it there.

    Args:
        origin: a run or a safetensors export; the latest run when None (see `genctl.load`).
        format: ``safetensors`` (every family: weights, configuration, model card in a folder) or
            one that the family maps to: ``onnx`` (one file), ``hf`` (a folder that transformers
            opens), ``diffusers`` (a folder that diffusers opens), ``gguf`` and ``gguf-q8_0`` (one
            file for llama.cpp, of 16 or 8 bits a weight).
        out: where to; in ``export/`` of the run, or beside the export it is made from, when
            None. An export that stands there is replaced, anything else is not.
        checkpoint: of a run: ``best``, ``last`` or a step.
        weights: of a run: ``best``, an average's name such as ``ema``, or ``raw``.
        device: where torch runs the model that the export is compared with (see
            `resolve_device`).

    Raises:
        GenctlError: (USAGE) an unknown format, a place that is taken, a missing package;
            (PROOF_FAILED) the export does not compute what the model does, and was not kept;
            others as `genctl.load`.
    """
    model = load_model(origin, checkpoint=checkpoint, weights=weights, device=device, output=output)
    return write(model, format, out)


def write(model: LoadedModel, format: str = BUNDLE, out: Path | None = None) -> Exported:
    """`export` of a model that is loaded already."""
    _refuse_onnx(model)
    if format not in formats(model.spec):
        raise unknown("format", format, formats(model.spec), option="format", suggest=BUNDLE)
    target = _default_place(model, format) if out is None else out
    _check_place(target, format, model)
    make_directory(target.parent)
    return Exported(target, format, _FORMATS[format].write(model, target))


def formats(spec: Spec) -> list[str]:
    """The formats that a family can be exported to."""
    return [name for name in _FORMATS if name == BUNDLE or name in spec.exports()]


def write_bundle(model: LoadedModel, path: Path) -> Proof:
    """Write ``model`` as a folder of safetensors that `genctl.load` takes.

    Raises:
        GenctlError: the model is an ONNX file, or the folder cannot be written and proved.
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


def _write_gguf(model: LoadedModel, path: Path, quantization: str = "f16") -> Proof:
    return gguf.write(_decoder(model, "gguf"), path, _document(model), quantization)


def _decoder(model: LoadedModel, format: str) -> DecoderPlan:
    """The family's plan of a format whose files hold the tokenizer, too.

    Raises:
        GenctlError: (USAGE) tokens of this kind of data have no tokenizer.
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
class _Format:
    """How a format is written.

    Attributes:
        suffix: of its file; empty for a folder.
        tail: of the name that it gets by itself, to tell it from others of the same run.
        write: writes and proves it.
        is_export: whether it is what stands at a path.
    """

    suffix: str
    tail: str
    write: Callable[[LoadedModel, Path], Proof]
    is_export: Callable[[Path], bool]


_FORMATS = {
    BUNDLE: _Format("", "", write_bundle, bundle.is_bundle),
    "onnx": _Format(".onnx", "", _write_onnx, onnx.is_export),
    "hf": _Format("", "-hf", _write_hf, hf.is_export),
    "diffusers": _Format("", "-diffusers", _write_diffusers, diffusers.is_export),
    "gguf": _Format(".gguf", "", _write_gguf, gguf.is_export),
    "gguf-q8_0": _Format(
        ".gguf", "-q8_0", functools.partial(_write_gguf, quantization="q8_0"), gguf.is_export
    ),
}


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
    name = model.origin.absolute().name + _FORMATS[format].tail + _FORMATS[format].suffix
    if bundle.is_bundle(model.origin):
        return model.origin.absolute().parent / name
    return model.origin / "export" / name


def _check_place(target: Path, format: str, model: LoadedModel) -> None:
    """Refuse a name that `genctl.load` would take for another format, and a place that is taken."""
    suffix = _FORMATS[format].suffix
    if suffix and target.suffix != suffix:
        reason, better = f"it does not end in {suffix}", f"{target}{suffix}"
    elif not suffix and target.suffix in (".onnx", ".gguf", ".safetensors"):
        reason, better = "it should be the name of a folder", str(target.with_suffix(""))
    elif target.absolute() == model.origin.absolute():
        reason, better = "the model itself is there", None
    elif _is_taken(target) and not _is_export(target, suffix):
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
    """Whether genctl wrote what stands at ``path``, in any of the formats of this suffix."""
    return any(f.is_export(path) for f in _FORMATS.values() if f.suffix == suffix)


def _is_taken(path: Path) -> bool:
    """Whether something stands at ``path``; an empty folder is nothing."""
    return path.exists() and not (path.is_dir() and not any(path.iterdir()))
