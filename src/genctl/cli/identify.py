"""The family and the sampling inputs of a run or an export, found without importing torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genctl import config, registry, runs
from genctl.config import Config
from genctl.registry import DATA_KINDS, Spec, output_kind
from genctl.runs import Run


def identify(origin: str | None) -> tuple[Spec, Config] | None:
    """The family and the options of ``origin``: a run, an exported folder or an ``.onnx`` file.

    Args:
        origin: None for the latest run that has a checkpoint.

    Returns:
        None if the family cannot be found; loading the model then reports the reason.

    Raises:
        GenctlError: ``origin`` names nothing, or its family or options are unknown here.
    """
    if origin is None:
        run = runs.latest()
        return _described(run.read("config.json")) if run else None
    path = Path(origin)
    if path.suffix == ".onnx":
        from genctl.export import onnx

        return _described(onnx.read(path)[0])
    exported = Run(path).read("genctl.json") if path.is_dir() else None
    return _described(exported or runs.find(origin).read("config.json"))


def sampling_inputs(spec: Spec, config: Config) -> frozenset[str]:
    """The inputs that a model can sample from: ``prompts``, ``image``, ``mask``, ..."""
    kind = output_kind(spec, DATA_KINDS.get(config.kind))
    if kind is None:
        return frozenset()
    labels = frozenset({"labels"} if "label" in spec.reads else ())
    return labels | (kind.inputs if spec.takes is None else kind.inputs & spec.takes)


def _described(document: Any) -> tuple[Spec, Config] | None:
    try:
        values = document["config"]
        spec = registry.get(values["family"])
        return spec, config.from_json(spec, values)
    except (KeyError, TypeError):
        return None
