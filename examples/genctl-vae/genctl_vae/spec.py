"""What genctl knows of the VAE before torch is imported."""

from __future__ import annotations

from dataclasses import dataclass

from genctl.config import option
from genctl.registry import Spec


@dataclass(frozen=True)
class VaeConfig:
    z_dim: int = option(16, "length of the latent vector")
    noise: float = option(0.5, "standard deviation of a pixel, given the latent vector")


SPEC = Spec(
    name="vae",
    summary="variational autoencoder of images",
    config=VaeConfig,
    targets={
        "objective": "genctl_vae.model:Vae",
        "sampler": "genctl_vae.model:Decoded",
        "exporter.onnx": "genctl_vae.model:plan_onnx",
    },
    presets={"default": {"budget": "200k", "optimizer": "adam"}},
)
