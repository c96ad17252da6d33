"""What training a GAN means: two phases, one adversarial loss, lazy gradient penalties."""

from __future__ import annotations

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
from genctl.errors import ExitStatus, GenctlError
from genctl.families.gan.network import (
    MIN_SIDE,
    ImageShape,
    MlpDiscriminator,
    MlpGenerator,
    ResidualDiscriminator,
    ResidualGenerator,
)
from genctl.families.gan.spec import GanConfig
from genctl.losses.adversarial import LOSSES, gradient_penalty


class GanObjective:
    """A generator and a discriminator, trained in turn.

    By default the relativistic pairing loss with R1 and R2 (Huang et al. 2024, R3GAN,
    arXiv 2501.05441), the penalties taken every k-th step and scaled by k (lazy regularisation,
    Karras et al. 2020, StyleGAN2, arXiv 1912.04958, section 3.1).
    """

    def __init__(self, config: Config, data: DataSpec, parents: Parents) -> None:
        self.options = config.model
        self.game = LOSSES[self.options.loss]
        self.modules: dict[str, nn.Module] = _networks(self.options, data)
        self.frozen: dict[str, nn.Module] = {}
        self.optimizers = {
            "discriminator": OptimizerSpec.of(config.train, "discriminator.*"),
            "generator": OptimizerSpec.of(config.train, "generator.*"),
        }
        self.ema = {"generator": (EmaSpec("ema", config.train.ema_halflife),)}
        self.phases = (
            Phase(
                "discriminator",
                ("discriminator",),
                repeat=self.options.critic_steps,
                second_order=self.options.penalty_every if self.options.gamma else 0,
            ),
            Phase("generator", ("generator",), advances=False),
        )
        self.monitor = Monitor("fd")
        self.notes: tuple[str, ...] = ()

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        """The discriminator's or the generator's side of the game on a micro-batch."""
        return (
            self._discriminator(batch, step)
            if phase == "discriminator"
            else self._generator(batch, step)
        )

    def _discriminator(self, batch: Batch, step: Step) -> Loss:
        real, label = batch["image"], batch.get("label")
        with torch.no_grad():
            fake = self._fake(step, label).to(real.dtype)
        # One pass for both halves: nothing in the network lets examples see each other.
        images = torch.cat([real, fake]).requires_grad_(step.second_order)
        logits = self._judge(images, None if label is None else label.repeat(2))
        real_logits, fake_logits = logits.chunk(2)
        losses = self.game.discriminator(real_logits, fake_logits)
        metrics = {"loss": losses, "margin": real_logits - fake_logits}
        if step.second_order:
            r1, r2 = gradient_penalty(step.input_gradient(logits, images)).chunk(2)
            losses = losses + self.options.gamma / 2 * self.options.penalty_every * (r1 + r2)
            metrics |= {"r1": r1, "r2": r2}
        return _loss(losses, metrics)

    def _generator(self, batch: Batch, step: Step) -> Loss:
        label = batch.get("label")
        fake_logits = self._judge(self._fake(step, label), label)
        real_logits = fake_logits
        if self.game.paired:
            with torch.no_grad():
                real_logits = self._judge(batch["image"], label)
        losses = self.game.generator(real_logits, fake_logits)
        return _loss(losses, {"loss": losses})

    def _fake(self, step: Step, label: Tensor | None) -> Tensor:
        images: Tensor = self.modules["generator"](
            step.noise.normal("z", self.options.z_dim), label
        )
        return images

    def _judge(self, images: Tensor, label: Tensor | None) -> Tensor:
        logits: Tensor = self.modules["discriminator"](images, label)
        return logits.float()


def _networks(options: GanConfig, data: DataSpec) -> dict[str, nn.Module]:
    channels, height, width = data.shape
    image = ImageShape(channels, height, width)
    if options.architecture == "mlp":
        return {
            "generator": MlpGenerator(image, z_dim=options.z_dim),
            "discriminator": MlpDiscriminator(image),
        }
    if min(height, width) < MIN_SIDE:
        raise GenctlError(
            ExitStatus.DATA,
            f"the images of {data.source} are {height}x{width}; a GAN needs at least "
            f"{MIN_SIDE}x{MIN_SIDE}",
            hint=f"--set data.size={MIN_SIDE * 2} enlarges them",
        )
    size = {"width": options.width, "depth": options.depth}
    return {
        "generator": ResidualGenerator(image, data.num_classes, z_dim=options.z_dim, **size),
        "discriminator": ResidualDiscriminator(image, data.num_classes, **size),
    }


def _loss(losses: Tensor, metrics: dict[str, Tensor]) -> Loss:
    """Per-example losses `(B,)` as the sums that the engine wants."""
    sums = {name: values.detach().sum() for name, values in metrics.items()}
    return Loss(losses.sum(), len(losses), sums)
