"""GANs without torch: options, presets and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from genctl.config import option
from genctl.registry import Spec


@dataclass(frozen=True)
class GanConfig:
    """Options of the networks and of their adversarial loss."""

    architecture: Literal["residual", "dcgan", "mlp"] = option("residual", "networks")
    width: Annotated[int, Ge(4)] = option(24, "channels of the finest stage; coarser ones double")
    depth: Annotated[int, Ge(1)] = option(1, "residual: blocks per stage")
    patch: Literal[2, 4] = option(2, "residual: side in pixels of the patches of the networks")
    resample: Literal["shuffle", "smooth"] = option(
        "shuffle", "residual: resample by pixel shuffle, or by averaging and interpolation (smooth)"
    )
    z_dim: Annotated[int, Ge(1)] = option(64, "length of the noise vector")
    loss: Literal["rpgan", "nonsaturating", "hinge", "least_squares", "wgan"] = option(
        "rpgan", "adversarial loss; use wgan with regulariser=gp and critic_steps=5"
    )
    regulariser: Literal["r1r2", "r1", "r2", "gp", "none"] = option(
        "r1r2", "gradient penalty: on real images (r1), generated (r2), both or between (gp)"
    )
    gamma: Annotated[float, Gt(0)] | Literal["auto"] = option(
        "auto", "strength of the penalty; auto: from image size and batch, 10 for gp"
    )
    burn_in: Annotated[int, Ge(0)] = option(
        0, "optimizer steps over which gamma decays from ten times its value"
    )
    penalty_every: Annotated[int, Ge(1)] = option(8, "compute the penalties every k-th step")
    critic_steps: Annotated[int, Ge(1)] = option(1, "discriminator updates per generator update")
    augment: str = option("none", "differentiable augmentations: colour,translation,cutout")
    augment_target: Annotated[float, Ge(0), Lt(1)] = option(
        0.0, "target of adaptive augmentation, e.g. 0.6; 0: always augment"
    )

    @property
    def by_class(self) -> bool:
        """Whether the networks use labels if the data have them."""
        return self.architecture != "mlp"


@dataclass(frozen=True)
class GanRequest:
    """Sampling options of a GAN."""

    truncation: Annotated[float, Gt(0), Le(1)] = option(
        1.0, "scale of the noise: below 1 gives more typical, less varied samples"
    )


_LARGE = {
    "train.optimizer": "adam",
    "train.beta1": 0.0,
    "train.warmup": 0.02,
    "train.warmup_steps": 100,  # with fewer, some seeds saturate tanh and stay there
    "train.decay": 0.5,
    "train.final_lr": 0.05,
}

_FEW = {
    "model.augment": "colour,translation,cutout",
    "train.batch_size": 16,
    "train.lr": 2.5e-4,
    "train.beta2": 0.95,
    "train.precision": "bf16",
    "train.ema_halflife": 5_000,
    "train.evaluations": 0,  # random features misjudge colour images; the end is the best
}

SPEC = Spec(
    api=2,
    name="gan",
    summary="GAN for images, class-conditional if the data has labels; samples in one step",
    config=GanConfig,
    request=GanRequest,
    takes=frozenset({"between"}),
    reads={"image": "image", "label": "label?"},
    makes="image",
    data="images",
    large_preset="small-64",
    common=("width", "augment", "train.batch_size", "train.lr", "truncation"),
    presets={
        "digits": {
            **_LARGE,
            "model.burn_in": 150,  # without it, one seed in ten still saturates tanh
            "train.budget": "300k",
            "train.batch_size": 64,
            "train.lr": 2e-3,
            "train.beta2": 0.95,
            "train.ema_halflife": 15_000,
        },
        "small-64": {
            **_LARGE,
            **_FEW,
            "model.resample": "smooth",
            "model.width": 32,
            "train.budget": "90k",
        },
        "dcgan": {
            **_LARGE,
            **_FEW,
            "model.architecture": "dcgan",
            "model.width": 32,
            "train.budget": "180k",
        },
        "small-32": {
            **_LARGE,
            "model.resample": "smooth",
            "model.width": 64,
            "model.depth": 2,
            "train.budget": "20M",
            "train.batch_size": 128,
            "train.lr": 3e-4,
            "train.beta2": 0.99,
            "train.ema_halflife": 100_000,
        },
        "base-32": {
            **_LARGE,
            "model.resample": "smooth",
            "model.width": 192,
            "model.depth": 2,
            "train.budget": "50M",
            "train.batch_size": 256,
            "train.lr": 2e-4,
            "train.beta2": 0.99,
            "train.ema_halflife": 500_000,
        },
        "base-64": {
            **_LARGE,
            "model.resample": "smooth",
            "model.width": 128,
            "model.depth": 2,
            "train.budget": "50M",
            "train.batch_size": 256,
            "train.lr": 2e-4,
            "train.beta2": 0.99,
            "train.ema_halflife": 500_000,
        },
        "mlp": {
            "model.architecture": "mlp",
            "model.z_dim": 100,
            "model.loss": "nonsaturating",
            "model.regulariser": "none",
            "train.budget": "600k",
            "train.batch_size": 64,
            "train.optimizer": "adam",
            "train.lr": 2e-4,
            "train.beta1": 0.5,
            "train.decay": 0.0,
        },
    },
    targets={
        "objective": "genctl.families.gan.objective:GanObjective",
        "sampler": "genctl.families.gan.sampler:GanSampler",
        "exporter.onnx": "genctl.families.gan.exporter:plan_onnx",
    },
)
