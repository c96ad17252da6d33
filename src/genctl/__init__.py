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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genctl.api.datasets.statistics import stats
    from genctl.api.evaluation.evaluate import evaluate
    from genctl.api.models.loading import load
    from genctl.api.models.model import Model
    from genctl.api.training.train import train
    from genctl.errors import ExitStatus, GenctlError
    from genctl.registry import specs as models

    __version__: str

_HOMES = {
    "__version__": "genctl.version:VERSION",
    "ExitStatus": "genctl.errors:ExitStatus",
    "GenctlError": "genctl.errors:GenctlError",
    "Model": "genctl.api.models.model:Model",
    "evaluate": "genctl.api.evaluation.evaluate:evaluate",
    "load": "genctl.api.models.loading:load",
    "models": "genctl.registry:specs",
    "stats": "genctl.api.datasets.statistics:stats",
    "train": "genctl.api.training.train:train",
}

__all__ = [
    "ExitStatus",
    "GenctlError",
    "Model",
    "__version__",
    "evaluate",
    "load",
    "models",
    "stats",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'genctl' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
