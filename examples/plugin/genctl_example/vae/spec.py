"""What genctl knows of the VAE before torch is imported."""

from __future__ import annotations

from dataclasses import dataclass

from genctl.config import option
from genctl.registry import Spec


@dataclass(frozen=True)
class VaeConfig:
    z_dim: int = option(16, "length of the latent vector")
    noise: float = option(0.5, "standard deviation of a value, given the latent vector")


SPEC = Spec(
    api=2,
    name="vae",
    summary="variational autoencoder",
    config=VaeConfig,
    reads={"image": "image"},
    makes="image",
    takes=frozenset({"between"}),
    targets={
        "objective": "genctl_example.vae.model:Vae",
        "sampler": "genctl_example.vae.model:Decoded",
        "exporter.onnx": "genctl_example.vae.model:plan_onnx",
    },
    presets={"default": {"budget": "200k", "optimizer": "adam"}},
)
