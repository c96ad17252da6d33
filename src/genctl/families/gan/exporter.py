"""Exports a GAN to foreign formats."""

from __future__ import annotations

import torch
from torch import Tensor

from genctl.contracts import ExportPlan, Trained


def plan_onnx(model: Trained) -> ExportPlan:
    """The generator as one graph: ``z`` (and ``label``) to ``image``, NCHW in about [-1, 1]."""
    z_dim, classes = model.config.model.z_dim, model.data.num_classes
    labelled = bool(classes) and model.config.model.by_class

    def example(batch: int) -> tuple[Tensor, ...]:
        z = torch.randn(batch, z_dim, generator=torch.Generator().manual_seed(batch))
        return (z, torch.arange(batch) % classes) if labelled else (z,)

    return ExportPlan(
        role="generator",
        module=model.modules["generator"],
        example=example,
        inputs=("z", "label") if labelled else ("z",),
        outputs=("image",),
    )
