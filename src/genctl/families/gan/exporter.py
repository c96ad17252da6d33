"""Exports a GAN to foreign formats."""

from __future__ import annotations

import torch
from torch import Tensor

from genctl.contracts import ExportPlan, Trained
from genctl.families.gan.networks.build import classes_of


def plan_onnx(model: Trained) -> ExportPlan:
    """The generator as one graph: ``z`` (and ``label``) to ``image``, NCHW in about [-1, 1]."""
    z_dim, classes = model.config.model.z_dim, classes_of(model.config.model, model.data)

    def example(batch: int) -> tuple[Tensor, ...]:
        z = torch.randn(batch, z_dim, generator=torch.Generator().manual_seed(batch))
        return (z, torch.arange(batch) % classes) if classes else (z,)

    return ExportPlan(
        role="generator",
        module=model.modules["generator"],
        example=example,
        inputs=("z", "label") if classes else ("z",),
        outputs=("image",),
    )
