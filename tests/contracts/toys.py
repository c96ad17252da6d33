"""Toy families that keep the seams from taking the shape of any one real family.

All read 28x28 digits, pooled to 7x7. `adversarial` plays in two phases with lazy penalties and two
critic updates, `tokens` predicts the next of 49 grey levels, counts tokens and may begin with an
earlier run, `distil` copies a frozen parent. `contrastive`, in a module of its own, has a coupled
phase.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.contracts import (
    INIT,
    Batch,
    DataSpec,
    EmaSpec,
    ExportPlan,
    Loss,
    Monitor,
    Noise,
    OptimizerSpec,
    Parents,
    Phase,
    Step,
    Trained,
)
from genctl.data.images.options import ImageData
from genctl.registry import (
    DATA_KINDS,
    FAMILIES,
    OUTPUT_KINDS,
    Claim,
    DataKind,
    OutputKind,
    Registry,
    Spec,
)

SIDE, LEVELS, WIDTH = 7, 8, 32
LENGTH = SIDE * SIDE


@dataclass(frozen=True)
class ToyConfig:
    """The options of a toy."""

    width: int = WIDTH
    dropout: float = 0.1


def small(batch: Batch) -> Tensor:
    """Images (B, C, H, W) as (B, 49) in [-1, 1]."""
    return F.adaptive_avg_pool2d(batch["image"].mean(1, keepdim=True), SIDE).flatten(1)


def mlp(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, outputs))


class Adversarial:
    """Two critic updates a step, each on examples of its own; penalties every fourth step."""

    def __init__(self, config: Any, data: DataSpec, parents: Parents) -> None:
        width = config.model.width
        self.modules: Mapping[str, nn.Module] = {
            "generator": mlp(8, width, LENGTH),
            "critic": mlp(LENGTH, width, 1),
        }
        self.frozen: Mapping[str, nn.Module] = {}
        self.optimizers: Mapping[str, OptimizerSpec] = {
            "critic": OptimizerSpec.of(config.train, "critic.*"),
            "generator": OptimizerSpec.of(config.train, "generator.*"),
        }
        self.ema: Mapping[str, tuple[EmaSpec, ...]] = {
            "generator": (EmaSpec("ema", 500), EmaSpec("long", 5000, warmup=0.5))
        }
        self.phases: tuple[Phase, ...] = (
            Phase("critic", ("critic",), repeat=2, second_order=4),
            Phase("generator", ("generator",), every=2, advances=False),
        )
        self.monitor: Monitor | None = Monitor("fd")
        self.notes: tuple[str, ...] = ("two phases",)

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        fake = self.modules["generator"](step.noise.normal("z", 8))
        if phase == "generator":
            losses = F.softplus(-self.modules["critic"](fake)).flatten()
            return Loss(losses.sum(), len(losses), {"loss": losses.detach().sum()})
        real = small(batch).requires_grad_(step.second_order)
        logits = self.modules["critic"](real)
        losses = (F.softplus(-logits) + F.softplus(self.modules["critic"](fake.detach()))).flatten()
        if step.second_order:
            losses = losses + step.input_gradient(logits, real).square().sum(1)
        return Loss(losses.sum(), len(losses), {"loss": losses.detach().sum()})


class Tokens:
    """Predict each grey level from those before it; the weight of a loss is its tokens."""

    def __init__(self, config: Any, data: DataSpec, parents: Parents) -> None:
        self.modules: Mapping[str, nn.Module] = {
            "model": NextToken(config.model.width, config.model.dropout)
        }
        if INIT in parents:
            self.modules["model"].load_state_dict(parents[INIT].modules["model"].state_dict())
        self.frozen: Mapping[str, nn.Module] = {}
        self.optimizers: Mapping[str, OptimizerSpec] = {
            "model": OptimizerSpec.of(config.train, "*")
        }
        self.ema: Mapping[str, tuple[EmaSpec, ...]] = {}
        self.phases: tuple[Phase, ...] = (Phase("train", ("model",)),)
        self.monitor: Monitor | None = None
        self.notes: tuple[str, ...] = ()

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        tokens = ((small(batch) + 1) / 2 * (LEVELS - 1)).round().long()
        logits = self.modules["model"](tokens[:, :-1])
        total = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="sum")
        return Loss(total, tokens[:, 1:].numel(), {"nats": total.detach()})


class NextToken(nn.Module):
    """(B, T) int64 to (B, T, LEVELS) logits, with dropout, by a causal running mean."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(LEVELS, width)
        self.place = nn.Embedding(LENGTH, width)
        self.body = mlp(2 * width, width, LEVELS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        count = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        past = x.cumsum(1) / count[:, None] + self.place(count - 1)
        logits: Tensor = self.body(self.dropout(torch.cat([x, past], dim=-1)))
        return logits


class Distil:
    """A student that copies its frozen parent's generator on the same noise."""

    def __init__(self, config: Any, data: DataSpec, parents: Parents) -> None:
        self.modules: Mapping[str, nn.Module] = {"generator": mlp(8, config.model.width, LENGTH)}
        self.frozen: Mapping[str, nn.Module] = {"teacher": parents["teacher"].modules["generator"]}
        self.optimizers: Mapping[str, OptimizerSpec] = {
            "student": OptimizerSpec.of(config.train, "generator.*")
        }
        self.ema: Mapping[str, tuple[EmaSpec, ...]] = {"generator": (EmaSpec("ema", 500),)}
        self.phases: tuple[Phase, ...] = (Phase("copy", ("student",)),)
        self.monitor: Monitor | None = None
        self.notes: tuple[str, ...] = ()

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        z = step.noise.normal("z", 8)
        errors = (self.modules["generator"](z) - self.frozen["teacher"](z)).square().sum(1)
        return Loss(errors.sum(), len(errors), {"loss": errors.detach().sum()})


class ImageSampler:
    """One pass of the generator, 7x7 images."""

    conditions: frozenset[str] = frozenset()

    def __init__(
        self, config: Any, data: DataSpec, modules: Mapping[str, nn.Module], parents: Parents
    ) -> None:
        self.generator = modules["generator"]

    def sample(self, request: Any, condition: Batch, noise: Noise) -> Tensor:
        images: Tensor = self.generator(noise.normal("z", 8)).unflatten(1, (1, SIDE, SIDE))
        return images


class TokenSampler:
    """Token by token from a uniform number each."""

    conditions: frozenset[str] = frozenset()

    def __init__(
        self, config: Any, data: DataSpec, modules: Mapping[str, nn.Module], parents: Parents
    ) -> None:
        self.model = modules["model"]

    def sample(self, request: Any, condition: Batch, noise: Noise) -> Tensor:
        tokens = noise.integers("first", LEVELS, 1)
        for place in range(1, 12):
            cumulative = self.model(tokens)[:, -1].softmax(-1).cumsum(-1)
            drawn = noise.uniform(f"draw/{place}", 1)
            following = (cumulative < drawn).sum(1, keepdim=True).clamp(max=LEVELS - 1)
            tokens = torch.cat([tokens, following], dim=1)
        return tokens


def plan_generator(model: Trained) -> ExportPlan:
    return ExportPlan(
        "generator",
        model.modules["generator"],
        lambda n: (torch.randn(n, 8, generator=torch.Generator().manual_seed(n)),),
        ("z",),
        ("image",),
    )


def plan_tokens(model: Trained) -> ExportPlan:
    return ExportPlan(
        "model",
        model.modules["model"],
        lambda n: (torch.arange(n * (3 + n)).reshape(n, 3 + n) % LEVELS,),
        ("tokens",),
        ("logits",),
        free={"tokens": {1: "length"}, "logits": {1: "length"}},
    )


def _targets(objective: str, sampler: str, plan: str) -> dict[str, str]:
    here = "tests.contracts.toys"
    return {
        "objective": f"{here}:{objective}",
        "sampler": f"{here}:{sampler}",
        "exporter.onnx": f"{here}:{plan}",
    }


KIND = DataKind(
    api=2,
    name="toy-levels",
    summary="images, of which families may make tokens",
    config=ImageData,
    features={"image": "image", "label": "label?"},
    outputs={"image": "images", "tokens": "toy-arrays"},
    words=("image", "images"),
    targets={
        "claims": "tests.contracts.toys:claims",
        "prepare": "genctl.data.images.prepare:prepare_images",
    },
)
OUTPUT = OutputKind(
    api=2,
    name="toy-arrays",
    summary="arrays of tokens",
    words=("array", "arrays"),
    targets={"generate": "genctl.outputs.base:sample_array"},
)


def claims(source: str) -> Claim:
    return Claim.NO


ADVERSARIAL = Spec(
    api=2,
    name="toy-adversarial",
    summary="two phases",
    config=ToyConfig,
    targets=_targets("Adversarial", "ImageSampler", "plan_generator"),
    reads={"image": "image"},
    makes="image",
    presets={
        "default": {"optimizer": "adam", "budget": "60steps", "batch_size": 16, "evaluations": 0}
    },
)
TOKENS = Spec(
    api=2,
    name="toy-tokens",
    summary="next token",
    config=ToyConfig,
    targets=_targets("Tokens", "TokenSampler", "plan_tokens"),
    reads={"image": "image"},
    makes="tokens",
    data="toy-levels",
    presets={
        "default": {
            "budget": "60steps",
            "batch_size": 16,
            "evaluations": 0,
            "weight_decay": 0.1,
            "clip": 1.0,
        }
    },
    parents={"init": "a toy-tokens run"},
)
DISTIL = Spec(
    api=2,
    name="toy-distil",
    summary="a frozen parent",
    config=ToyConfig,
    targets=_targets("Distil", "ImageSampler", "plan_generator"),
    reads={"image": "image"},
    makes="image",
    presets={"default": {"budget": "60steps", "batch_size": 16, "evaluations": 0}},
    parents={"teacher": "a toy-adversarial run"},
)
TOYS = {
    f"toy-{name}": f"tests.contracts.toys:{name.upper()}"
    for name in ("adversarial", "tokens", "distil")
} | {"toy-contrastive": "tests.contracts.contrastive:CONTRASTIVE"}


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """The toys, as if they were built in."""
    with (
        registry_with(FAMILIES, TOYS),
        registry_with(DATA_KINDS, {"toy-levels": "tests.contracts.toys:KIND"}),
        registry_with(OUTPUT_KINDS, {"toy-arrays": "tests.contracts.toys:OUTPUT"}),
    ):
        yield


@contextlib.contextmanager
def registry_with(registry: Registry[Any], more: Mapping[str, str]) -> Iterator[None]:
    """A registry with more built-in descriptions for a while."""
    for name, target in more.items():
        registry.register(name, target)
    try:
        yield
    finally:
        for name in more:
            registry.unregister(name)
