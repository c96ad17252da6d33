"""Diffusion models without torch: options, presets and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from genctl.config import option
from genctl.registry import Spec


@dataclass(frozen=True)
class DiffusionConfig:
    """Options of the network and of its training targets."""

    network: Literal["unet", "dit"] = option("unet", "convolutions (unet) or a transformer (dit)")
    width: Annotated[int, Ge(4)] = option(
        32, "channels of the finest level (unet), token width (dit)"
    )
    depth: Annotated[int, Ge(1)] = option(1, "blocks per level (unet) or of the transformer (dit)")
    multiples: str = option("1,2", "unet: multiples of width for each level, finest first")
    attention: str = option("2", "unet: levels with attention, 1 is the finest; may be empty")
    condition: Literal["shift", "scale"] = option(
        "shift", "unet: how time and class change features; scale: shift and scale"
    )
    heads: Annotated[int, Ge(1)] = option(6, "dit: attention heads; must divide the width")
    patch: Annotated[int, Ge(1)] = option(2, "side in pixels of the patches of the network")
    dropout: Annotated[float, Ge(0), Lt(1)] = option(0.0, "dropout probability")
    prediction: Literal["flow", "edm", "v", "epsilon"] = option("flow", "what the network predicts")
    time: Literal["logit-normal", "lognormal", "uniform"] = option(
        "logit-normal", "distribution of noise levels in training; lognormal as in EDM"
    )
    time_mean: Annotated[float, Ge(-10), Le(10)] = option(
        0.0, "mean of the logit of flow time, or of EDM's ln(sigma)"
    )
    time_std: Annotated[float, Gt(0), Le(10)] = option(1.0, "its standard deviation")
    label_dropout: Annotated[float, Ge(0), Lt(1)] = option(
        0.1, "share of examples trained without their class, for guidance"
    )


@dataclass(frozen=True)
class DiffusionRequest:
    """Sampling options of a diffusion model."""

    steps: Annotated[int, Ge(1), Le(10_000)] = option(18, "steps from noise to image")
    sampler: Literal[
        "dpmpp-2m", "heun", "euler", "ddim", "dpmpp-2m-sde", "euler-ancestral", "ddpm"
    ] = option("dpmpp-2m", "solver; heun needs two evaluations per step")
    schedule: Literal["karras", "linear", "flow"] = option("karras", "spacing of the noise levels")
    guidance: Annotated[float, Ge(0), Le(100)] = option(
        1.0, "classifier-free guidance: 1 as learned, above 1 stronger, 0 ignores the class"
    )
    eta: Annotated[float, Ge(0), Le(1)] = option(0.0, "ddim: share of the noise that is renewed")
    sigma_min: Annotated[float, Ge(0), Le(1)] = option(0.0, "last noise level; 0: the schedule's")
    sigma_max: Annotated[float, Ge(0), Le(10_000)] = option(
        0.0, "first noise level; 0: the schedule's"
    )
    strength: Annotated[float, Gt(0), Le(1)] = option(
        0.6, "share of the steps taken from a start image; 1 ignores the image"
    )


_DIGITS = {
    "model.condition": "scale",
    "model.time_mean": 0.5,
    "train.optimizer": "muon",
    "train.lr": 0.03,
    "train.adamw_lr": 6e-3,
    "train.beta2": 0.99,
    "train.warmup": 0.02,
    "train.decay": 0.5,
    "train.evaluations": 1,
    "sample.steps": 10,
    "sample.sigma_min": 0.05,
}

_CIFAR = {
    "model.network": "unet",
    "model.patch": 1,
    "model.prediction": "edm",
    "model.time": "lognormal",
    "model.time_mean": -1.2,
    "model.time_std": 1.2,
    "train.batch_size": 256,
    "train.optimizer": "adamw",
    "train.beta2": 0.999,
    "train.compile": True,
    "train.ema_halflife": 250_000,
}

SPEC = Spec(
    api=2,
    name="diffusion",
    summary="diffusion and flow models for images, class-conditional if the data has labels; "
    "few-step",
    config=DiffusionConfig,
    request=DiffusionRequest,
    reads={"image": "image", "label": "label?"},
    makes="image",
    data="images",
    common=(
        *("network", "model.width", "train.batch_size", "train.lr"),
        *("steps", "sampler", "guidance", "strength"),
    ),
    gpu_preset="digits-gpu",
    parents={"init": "a run or a diffusers folder to start training from"},
    presets={
        "digits": {
            **_DIGITS,
            "model.patch": 2,
            "model.width": 24,
            "model.multiples": "1,2",
            "model.attention": "",
            "train.budget": "90k",
            "train.batch_size": 64,
            "train.ema_halflife": 10_000,
            "sample.guidance": 1.5,
        },
        "digits-gpu": {
            **_DIGITS,
            "model.patch": 1,
            "model.width": 64,
            "model.multiples": "1,2,2",
            "model.attention": "3",
            "train.budget": "300k",
            "train.batch_size": 256,
            "train.ema_halflife": 50_000,
            "sample.guidance": 1.2,
        },
        "small-32": {
            **_CIFAR,
            "model.width": 96,
            "model.multiples": "1,2,2",
            "model.depth": 2,
            "train.budget": "50M",
            "train.lr": 5e-4,
            "train.warmup": 0.02,
        },
        "base-32": {
            **_CIFAR,
            "model.width": 128,
            "model.multiples": "2,2,2",
            "model.depth": 4,
            "model.dropout": 0.13,
            "train.budget": "60M",
            "train.lr": 4e-4,
            "train.warmup": 0.15,
        },
        "base-64": {
            **_CIFAR,
            "model.width": 128,
            "model.multiples": "1,2,2,2",
            "model.attention": "3",
            "model.depth": 4,
            "model.dropout": 0.05,
            "train.budget": "60M",
            "train.lr": 2e-4,
            "train.warmup": 0.1,
        },
        "dit-s": {
            "model.network": "dit",
            "model.width": 384,
            "model.depth": 12,
            "model.heads": 6,
            "model.patch": 2,
            "train.budget": "50M",
            "train.batch_size": 256,
            "train.optimizer": "adamw",
            "train.lr": 3e-4,
            "train.beta2": 0.99,
            "train.warmup": 0.02,
            "train.compile": True,
            "train.ema_halflife": 250_000,
        },
    },
    targets={
        "objective": "genctl.families.diffusion.objective:DiffusionObjective",
        "sampler": "genctl.families.diffusion.sampler:DiffusionSampler",
        "exporter.onnx": "genctl.families.diffusion.exporter:plan_onnx",
        "importer.diffusers": "genctl.families.diffusion.importer:modules_of_unet",
        "exporter.diffusers": "genctl.families.diffusion.exporter:plan_diffusers",
    },
)
