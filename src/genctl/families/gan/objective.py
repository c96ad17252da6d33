"""The training objective of a GAN: two phases, one adversarial loss, lazy gradient penalties."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genctl.config import Config
from genctl.contracts import (
    Batch,
    DataSpec,
    EmaSpec,
    Loss,
    Monitor,
    OptimizerSpec,
    Parents,
    Phase,
    Step,
)
from genctl.errors import ExitStatus, GenctlError, opt, unknown
from genctl.families.gan.augment import CHANGES, Augment
from genctl.families.gan.networks.build import build_networks
from genctl.families.gan.spec import GanConfig
from genctl.losses.adversarial import LOSSES
from genctl.losses.penalties import (
    GP_STRENGTH,
    between,
    default_strength,
    one_centred,
    zero_centred,
)

BURN_IN = 10.0
"""The factor of gamma at the start of the burn-in."""


class GanObjective:
    """A generator and a discriminator, trained alternately.

    The default is the relativistic pairing loss with R1 and R2 (Huang et al. 2024, R3GAN,
    arXiv 2501.05441). The penalties are computed every k-th step and scaled by k (lazy
    regularisation, Karras et al. 2020, StyleGAN2, arXiv 1912.04958, section 3.1).
    """

    def __init__(self, config: Config, data: DataSpec, parents: Parents) -> None:
        self.options: GanConfig = config.model
        self.adversarial_loss = LOSSES[self.options.loss]
        gamma, derived = _gamma(config, data)
        # The papers weight R1 and R2 by half of gamma, and the penalty between by gamma.
        half = 1.0 if self.options.regulariser == "gp" else 0.5
        self.strength: float = half * gamma * self.options.penalty_every
        self.augment = _augment(self.options)
        self._batch_size = config.train.batch_size
        # By position, so that a micro-batch that is tried again counts once.
        self._margins: dict[int, Tensor] = {}
        self.modules: dict[str, nn.Module] = build_networks(self.options, data)
        if self.augment is not None:
            self.modules["augment"] = self.augment
        self.frozen: dict[str, nn.Module] = {}
        self.optimizers = {
            "discriminator": OptimizerSpec.of(config.train, "discriminator.*"),
            "generator": OptimizerSpec.of(config.train, "generator.*"),
        }
        self.ema = {"generator": (EmaSpec("ema", config.train.ema_halflife),)}
        penalised = self.options.regulariser != "none"
        self.phases = (
            Phase(
                "discriminator",
                ("discriminator",),
                repeat=self.options.critic_steps,
                second_order=self.options.penalty_every if penalised else 0,
            ),
            Phase("generator", ("generator",), advances=False),
        )
        self.monitor = Monitor("fd")
        self.notes: tuple[str, ...] = (derived,) if derived else ()

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        """The discriminator's or the generator's adversarial loss on a micro-batch."""
        return (
            self._discriminator(batch, step)
            if phase == "discriminator"
            else self._generator(batch, step)
        )

    def _discriminator(self, batch: Batch, step: Step) -> Loss:
        self._adapt(step, batch.positions[0] // self._batch_size)
        real, label = batch["image"], batch.get("label")
        with torch.no_grad():
            fake = self._generate(step, label).to(real.dtype)
        # One pass for both halves, because the network has no operation across examples.
        images = torch.cat([real, fake]).requires_grad_(step.second_order)
        logits = self._discriminate(images, None if label is None else label.repeat(2), step)
        real_logits, fake_logits = logits.chunk(2)
        losses = self.adversarial_loss.discriminator(real_logits, fake_logits)
        margin = real_logits - fake_logits
        metrics = {"loss": losses, "margin": margin}
        if step.second_order:
            penalties = self._penalties(images, logits, label, step)
            for penalty in penalties.values():
                losses = losses + self._strength_at(step.index) * penalty
            metrics |= penalties
        if self.augment is not None and self.augment.target:
            metrics["augment"] = self.augment.probability.expand(len(real))
            self._margins.update(zip(batch.positions, margin.detach().unbind(), strict=True))
        return _loss(losses, metrics)

    def _adapt(self, step: Step, next_batch: int | None = None) -> None:
        """Adapt the augmentations to all margins of a batch, once its last micro-batch is done.

        Args:
            next_batch: the number of the batch that follows; None where another phase follows.
        """
        if self.augment is None or not self._margins:
            return
        if next(iter(self._margins)) // self._batch_size == next_batch:
            return
        margins = torch.stack([self._margins[position] for position in sorted(self._margins)])
        self.augment.adapt(step.gather(margins))
        self._margins.clear()

    def _strength_at(self, index: int) -> float:
        """The strength of the penalties, higher at first to slow the discriminator (R3GAN)."""
        burn_in = self.options.burn_in
        left = max(0.0, 1 - index / burn_in) if burn_in else 0.0
        return self.strength * math.pow(BURN_IN, left)

    def _penalties(
        self, images: Tensor, logits: Tensor, label: Tensor | None, step: Step
    ) -> dict[str, Tensor]:
        """The selected penalties by name, `(B,)` each."""
        if self.options.regulariser == "gp":
            real, fake = images.detach().chunk(2)
            mixed = between(real, fake, step.noise.uniform("between", 1, 1, 1)).requires_grad_()
            gradient = step.input_gradient(self._discriminate(mixed, label, step), mixed)
            return {"gp": one_centred(gradient)}
        r1, r2 = zero_centred(step.input_gradient(logits, images)).chunk(2)
        found = {"r1": r1, "r2": r2}
        return {name: found[name] for name in found if name in self.options.regulariser}

    def _generator(self, batch: Batch, step: Step) -> Loss:
        self._adapt(step)
        label = batch.get("label")
        fake_logits = self._discriminate(self._generate(step, label), label, step)
        real_logits = fake_logits
        if self.adversarial_loss.paired:
            with torch.no_grad():
                real_logits = self._discriminate(batch["image"], label, step)
        losses = self.adversarial_loss.generator(real_logits, fake_logits)
        return _loss(losses, {"loss": losses})

    def _generate(self, step: Step, label: Tensor | None) -> Tensor:
        images: Tensor = self.modules["generator"](
            step.noise.normal("z", self.options.z_dim), label
        )
        return images

    def _discriminate(self, images: Tensor, label: Tensor | None, step: Step) -> Tensor:
        """Logits of images, one or two per example; partners get the same augmentation."""
        if self.augment is not None:
            draws = step.noise.uniform("augment", self.augment.draws)
            with step.fp32():
                images = self.augment(images.float(), draws.repeat(len(images) // len(draws), 1))
        logits: Tensor = self.modules["discriminator"](images, label)
        return logits.float()


def _gamma(config: Config, data: DataSpec) -> tuple[float, str]:
    """The strength of the penalties, and its origin if it was not set."""
    options: GanConfig = config.model
    if options.gamma != "auto":
        return options.gamma, ""
    if options.regulariser == "none":
        return 0.0, ""
    if options.regulariser == "gp":
        return GP_STRENGTH, f"gamma {GP_STRENGTH:g}"
    (_, height, width), batch = data.features["image"].shape, config.train.batch_size
    found = default_strength(height, width, batch)
    return found, f"gamma {found:.3g} for {height}x{width} pixels and batches of {batch}"


def _augment(options: GanConfig) -> Augment | None:
    """The augmentations in the options.

    Raises:
        GenctlError: (USAGE) an unknown one, or a target without any.
    """
    names = tuple(name.strip() for name in options.augment.split(",") if name.strip())
    if names in ((), ("none",)):
        if options.augment_target:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt('model.augment_target', options.augment_target)} needs augmentations, and "
                f"{opt('model.augment')} names none",
                option="model.augment",
                suggest=",".join(CHANGES),
            )
        return None
    for name in names:
        if name not in CHANGES:
            raise unknown(
                "augmentation",
                name,
                CHANGES,
                option="model.augment",
                suggest=",".join(CHANGES),
            )
    return Augment(names, options.augment_target)


def _loss(losses: Tensor, metrics: dict[str, Tensor]) -> Loss:
    """Per-example losses `(B,)` as the sums for the engine."""
    sums = {name: values.detach().sum() for name, values in metrics.items()}
    return Loss(losses.sum(), len(losses), sums)
