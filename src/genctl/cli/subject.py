"""Which family a run or an export is of, found without loading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genctl import registry, runs
from genctl.registry import Spec
from genctl.runs import Run


def spec_of(origin: str | None) -> Spec | None:
    """The family of what ``origin`` names: a run, an exported folder or an ``.onnx`` file.

    Args:
        origin: the latest run that has a checkpoint when None.

    Returns:
        None where nothing says so; whoever loads it knows why.

    Raises:
        GenctlError: ``origin`` names nothing, or its family is unknown here.
    """
    if origin is None:
        run = runs.latest()
        return _family(run.read("config.json")) if run else None
    path = Path(origin)
    if path.suffix == ".onnx":
        from genctl.export import onnx

        return _family(onnx.read(path)[0])
    return _family(Run(path).read("genctl.json") or runs.find(origin).read("config.json"))


def _family(document: Any) -> Spec | None:
    try:
        name = document["config"]["family"]
    except (KeyError, TypeError):
        return None
    return registry.get(name)
