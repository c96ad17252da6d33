"""The training objective of a diffusion model: one network, one loss, random noise levels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genctl.config import Config
from genctl.contracts import (
    INIT,
    Batch,
    DataSpec,
    EmaSpec,
    Loss,
    Monitor,
    OptimizerSpec,
    Parents,
    Phase,
    Step,
    Trained,
)
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.families.diffusion.denoiser import Denoiser
from genctl.families.diffusion.networks.build import build_network
from genctl.families.diffusion.times import draw_sigmas
from genctl.nn.init_from import init_from, require_same_options

LONGER = 4
OUTER = ("*emb*", "*conv_in*", "*conv_out*", "*modulation*", "*head*")
"""Layers that AdamW trains instead of Muon: the first, the last, and those of the condition."""


class DiffusionObjective:
    """A denoiser, trained on images with noise of random strength.

    Two averages of its weights are kept: ``ema`` and, over four times as many examples,
    ``ema-long``. Early in a run they span 5 % and 10 % of it. The best span for a run of any length
    is of this order (Karras et al. 2023, arXiv 2312.02696, section 3), and only the end of the run
    shows which of the two is better.
    """

    def __init__(self, config: Config, data: DataSpec, parents: Parents) -> None:
        self.options = config.model
        self._classes = data.num_classes
        self._spread = data.statistics["sigma_data"]
        network = build_network(self.options, data)
        self._denoiser = Denoiser(network, self.options.prediction, self._spread)
        if INIT in parents:
            _begin_with(self._denoiser, parents[INIT])
        self.modules: dict[str, nn.Module] = {"denoiser": self._denoiser}
        self.frozen: dict[str, nn.Module] = {}
        self.optimizers = {"denoiser": OptimizerSpec.of(config.train, "denoiser.*", adamw=OUTER)}
        halflife = config.train.ema_halflife
        averages = (
            EmaSpec("ema", halflife, warmup=0.05),
            EmaSpec("ema-long", LONGER * halflife, warmup=0.1),
        )
        self.ema = {"denoiser": averages} if halflife else {}
        self.phases = (Phase("train", ("denoiser",)),)
        self.monitor = Monitor("fd", samples=500)
        self.notes = (
            f"the data's values spread by {self._spread:.3f} (sigma_data); "
            f"{self.options.prediction} prediction, {self.options.time} times",
        )

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        """Squared errors of the network's prediction, averaged over the values of each image."""
        images = batch["image"]
        sigma = draw_sigmas(self.options, step.noise, self._spread)
        noise = step.noise.normal("noise", *images.shape[1:])
        label = self._shown(batch.get("label"), step)
        errors = self._denoiser.errors(images.float(), noise, sigma, label)
        total = errors.sum()
        return Loss(total, len(errors), {"loss": total.detach()})

    def _shown(self, label: Tensor | None, step: Step) -> Tensor | None:
        """The labels for the network, with the label for no class in some random rows."""
        if label is None or not self._classes:
            return None
        hidden = step.noise.uniform("hidden") < self.options.label_dropout
        return torch.where(hidden, self._classes, label)


def _begin_with(denoiser: Denoiser, parent: Trained) -> None:
    """Copy the weights of an earlier run, whose network must be the same."""
    source = parent.modules["denoiser"]
    predicts = getattr(source, "prediction", "flow")
    if not isinstance(source, Denoiser) or source.prediction != denoiser.prediction:
        raise GenctlError(
            ExitStatus.USAGE,
            f"the run of {opt('init')} predicts {predicts!r}, not {denoiser.prediction!r}",
            option="model.prediction",
            suggest=predicts,
        )
    require_same_options(denoiser.network.options, source.network.options)
    init_from(denoiser, source)
