"""Train, sample, evaluate and export generative models over one registry.

The SDK is loaded when it is first used, so that ``import genctl`` costs nothing:

    import genctl

    run = genctl.train("gan", data="digits", budget="5m")
    model = genctl.load(run)
    model.sample(64, seed=0).save("grid.png")
    print(genctl.evaluate("fid", model))
    model.export("onnx")
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genctl.api.datasets.statistics import Summarised
    from genctl.api.evaluation.evaluate import Evaluation
    from genctl.api.models.exporting import Exported
    from genctl.api.models.model import Model
    from genctl.api.sdk.data import check, clean, label
    from genctl.api.sdk.models import export, load, report, train
    from genctl.api.sdk.scores import compare, evaluate, stats
    from genctl.data.findings import Cleaned, DataCheck, Labelled
    from genctl.errors import ExitStatus, GenctlError
    from genctl.evaluation.compare import Comparison
    from genctl.evaluation.score import Score
    from genctl.outputs.images.samples import ImageSamples
    from genctl.outputs.text.samples import TextSample, TextSamples
    from genctl.registry import known_metrics as metrics
    from genctl.registry import specs as models
    from genctl.runs import Run

    __version__: str

_HOMES = {
    "Cleaned": "genctl.data.findings",
    "Comparison": "genctl.evaluation.compare",
    "DataCheck": "genctl.data.findings",
    "Evaluation": "genctl.api.evaluation.evaluate",
    "ExitStatus": "genctl.errors",
    "Exported": "genctl.api.models.exporting",
    "GenctlError": "genctl.errors",
    "ImageSamples": "genctl.outputs.images.samples",
    "Labelled": "genctl.data.findings",
    "Model": "genctl.api.models.model",
    "Run": "genctl.runs",
    "Score": "genctl.evaluation.score",
    "Summarised": "genctl.api.datasets.statistics",
    "TextSample": "genctl.outputs.text.samples",
    "TextSamples": "genctl.outputs.text.samples",
    "check": "genctl.api.sdk.data",
    "clean": "genctl.api.sdk.data",
    "compare": "genctl.api.sdk.scores",
    "evaluate": "genctl.api.sdk.scores",
    "export": "genctl.api.sdk.models",
    "label": "genctl.api.sdk.data",
    "load": "genctl.api.sdk.models",
    "metrics": "genctl.registry:known_metrics",
    "models": "genctl.registry:specs",
    "report": "genctl.api.sdk.models",
    "stats": "genctl.api.sdk.scores",
    "train": "genctl.api.sdk.models",
}
"""Public name -> the module that it is loaded from, and its name there if that differs."""

__all__ = [
    "Cleaned",
    "Comparison",
    "DataCheck",
    "Evaluation",
    "ExitStatus",
    "Exported",
    "GenctlError",
    "ImageSamples",
    "Labelled",
    "Model",
    "Run",
    "Score",
    "Summarised",
    "TextSample",
    "TextSamples",
    "__version__",
    "check",
    "clean",
    "compare",
    "evaluate",
    "export",
    "label",
    "load",
    "metrics",
    "models",
    "report",
    "stats",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("genctl.version").VERSION
    if name not in _HOMES:
        raise AttributeError(f"module 'genctl' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(importlib.import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted(__all__)


class _Sdk(ModuleType):
    """The type of this module.

    Python sets a package as an attribute when it is imported. So `genctl.export`, the package,
    would hide the function of that name.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Sdk
