"""Small untrained GANs, as runs on disk."""

from __future__ import annotations

from pathlib import Path

import torch

from genctl import config, registry
from genctl.api.models.loading import build_objective
from genctl.contracts import DataSpec
from genctl.engine.training import checkpoint
from genctl.runs import Run
from genctl.weights import flatten
from tests.specs import image_spec

CLASSES = ("猫", "dog")


def data_spec(shape: tuple[int, ...] = (1, 16, 16), classes: tuple[str, ...] = CLASSES) -> DataSpec:
    return image_spec("照片", shape, classes=classes)


def tiny_config(*sets: str) -> config.Config:
    spec = registry.get("gan")
    return config.resolve(spec, environ={}, sets=["width=4", "z_dim=8", "budget=2steps", *sets])


def tiny_modules(settings: config.Config, data: DataSpec) -> dict[str, torch.nn.Module]:
    """Modules whose residual branches, which start at zero, do something."""
    modules = dict(build_objective(registry.get("gan"), settings, data, {}).modules)
    with torch.no_grad():
        for module in modules.values():
            module.eval()
            for parameter in module.parameters():
                if not parameter.any():
                    parameter.normal_(std=0.1)
    return modules


def tiny_run(path: Path, *sets: str, data: DataSpec | None = None) -> Run:
    """A run of two steps that has ended."""
    run, settings, data = Run(path), tiny_config(*sets), data or data_spec()
    path.mkdir(parents=True)
    run.write("config.json", {"config": settings.to_json(), "origins": dict(settings.origins)})
    run.write("data.json", data.to_json())
    modules = tiny_modules(settings, data)
    tensors = {
        "model": flatten(modules),
        "ema.ema": flatten({"generator": modules["generator"]}),
    }
    snapshot = checkpoint.Snapshot(
        index=2, position=128, elapsed=1.5, attempt=0, rate_scale=1.0, scaler={}, tensors=tensors
    )
    checkpoint.save(run, snapshot, keep_last=1)
    checkpoint.mark_finished(run)
    return run
