"""A variational autoencoder (Kingma and Welling 2013)."""

from __future__ import annotations

import math

import torch
from torch import nn

from genctl.contracts import EmaSpec, ExportPlan, Loss, Monitor, OptimizerSpec, Phase


class Vae:
    def __init__(self, config, data, parents):
        z, shape, self.noise = config.model.z_dim, data.features["image"].shape, config.model.noise
        pixels = math.prod(shape)
        down = [nn.Flatten(), nn.Linear(pixels, 512), nn.SiLU(), nn.Linear(512, 2 * z)]
        up = [nn.Linear(z, 512), nn.SiLU(), nn.Linear(512, pixels), nn.Tanh()]
        decoder = nn.Sequential(*up, nn.Unflatten(1, shape))
        self.modules, self.frozen = {"encoder": nn.Sequential(*down), "decoder": decoder}, {}
        self.optimizers = {"adam": OptimizerSpec.of(config.train, "*")}
        self.phases = (Phase("elbo", ("adam",)),)
        self.ema = {"decoder": (EmaSpec("ema", config.train.ema_halflife),)}
        self.monitor = Monitor("fd")
        self.notes = ()

    def loss(self, phase, batch, step):
        """Minus the evidence lower bound (equation 7), up to a constant."""
        mean, log_variance = self.modules["encoder"](batch["image"]).chunk(2, dim=1)
        z = mean + (log_variance / 2).exp() * step.noise.normal("z", mean.shape[1])
        error = (self.modules["decoder"](z) - batch["image"]).square().sum((1, 2, 3))
        kl = (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2
        metrics = {"error": error.detach().sum(), "kl": kl.detach().sum()}
        return Loss((error / (2 * self.noise**2) + kl).sum(), len(z), metrics)


class Decoded:
    conditions = frozenset()

    def __init__(self, config, data, modules, parents):
        self.decoder, self.z_dim = modules["decoder"], config.model.z_dim

    def sample(self, request, condition, noise):
        return self.decoder(noise.normal("z", self.z_dim))


def plan_onnx(model):
    def example(batch):
        return (torch.linspace(-2, 2, batch * model.config.model.z_dim).view(batch, -1),)

    return ExportPlan("decoder", model.modules["decoder"], example, ("z",), ("image",))
