"""Which family a run or an export is of, found without loading it."""

from __future__ import annotations

import json
from pathlib import Path

from genctl import registry, runs
from genctl.registry import Spec


def spec_of(origin: str | None) -> Spec | None:
    """The family of what ``origin`` names: a run, an exported folder or an ``.onnx`` file.

    Args:
        origin: the latest run that has a checkpoint when None.

    Returns:
        None where there is no such run yet: whoever loads it says so.

    Raises:
        GenctlError: ``origin`` names nothing, or its family is unknown here.
    """
    if origin is None:
        run = next((run for run in runs.all_runs() if any(run.checkpoints.glob("step-*"))), None)
        return _family(run.read("config.json")) if run else None
    path = Path(origin)
    if path.suffix == ".onnx":
        from genctl.export import onnx

        return _family(onnx.read(path)[0])
    if (path / "genctl.json").is_file():
        return _family(json.loads((path / "genctl.json").read_text("utf-8")))
    return _family(runs.find(origin).read("config.json"))


def _family(document: dict[str, dict[str, str]]) -> Spec:
    return registry.get(document["config"]["family"])
