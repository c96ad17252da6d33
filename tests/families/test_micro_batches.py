"""Micro-batches change no weight beyond rounding, whatever the options of a family are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch

from genctl import config, registry
from genctl.contracts import Batch, DataSpec
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.trainer import Trainer
from tests.specs import image_spec, token_spec

BATCH, STEPS = 4, 2
CLASSES, STATISTICS = ("a", "b", "c"), {"sigma_data": 0.5}
TOKENS = token_spec("random", "random", context=8, vocab_size=16)
TINY = {
    "gan": (image_spec("random", (1, 16, 16), classes=CLASSES), ("width=4", "z_dim=4")),
    "diffusion": (
        image_spec("random", (1, 4, 4), classes=CLASSES, statistics=STATISTICS),
        ("width=4", "patch=1", "multiples=1", "attention="),
    ),
    "lm": (TOKENS, ("width=16", "depth=1", "heads=2")),
}
DIT = ("network=dit", "width=12", "heads=2")
NUMBERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "gan": {
        "width": ("width=8",),
        "depth": ("depth=2",),
        "z_dim": ("z_dim=3",),
        "gamma": ("gamma=1", "penalty_every=1"),
        "burn_in": ("burn_in=2", "penalty_every=1"),
        "penalty_every": ("penalty_every=1", "regulariser=gp", "loss=wgan"),
        "critic_steps": ("critic_steps=2",),
        "augment": ("augment=colour,translation,cutout",),
        "augment_target": ("augment=colour,cutout", "augment_target=0.3", "critic_steps=3"),
    },
    "diffusion": {
        "width": ("width=8",),
        "depth": ("depth=2",),
        "multiples": ("multiples=1,2",),
        "attention": ("attention=1",),
        "heads": (*DIT, "heads=3"),
        "patch": ("patch=2",),
        "time_mean": ("time_mean=0.5",),
        "time_std": ("time_std=0.5",),
        "label_dropout": ("label_dropout=0.5",),
    },
    "lm": {
        "size": ("size=25k",),
        "width": ("width=8",),
        "depth": ("depth=2",),
        "heads": ("heads=1",),
        "kv_heads": ("kv_heads=1",),
        "hidden": ("hidden=24",),
        "rope_theta": ("rope_theta=500",),
        "short_context": ("short_context=4",),
        "short_share": ("short_context=2", "short_share=1"),
    },
}
"""Options that are numbers or words -> values other than those of `TINY`."""

EXCEPT = {"dropout", "dropout_from"}
"""Dropout is drawn for each micro-batch anew, as docs/architecture.md says."""


def choices(family: str) -> Iterator[tuple[str, ...]]:
    """None, then every value of every option that has a few, and those of `NUMBERS`."""
    yield ()
    options = registry.FAMILIES.get(family).config
    hints = get_type_hints(options)
    for field in dataclasses.fields(options):
        if field.name in NUMBERS[family]:
            yield NUMBERS[family][field.name]
        elif hints[field.name] is bool:
            yield (f"{field.name}={str(not field.default).lower()}",)
        elif get_origin(hints[field.name]) is Literal:
            yield from (
                (f"{field.name}={value}", *(DIT if value == "dit" else ()))
                for value in get_args(hints[field.name])
            )
        else:
            assert field.name in EXCEPT, f"no other value of {field.name} is tried"


class Examples:
    """Random examples that follow from their positions."""

    assets: Mapping[str, bytes] = {}

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        while True:
            places = range(position, position + batch_size)
            yield Batch({name: self._drawn(name, places) for name in self.spec.features}, places)
            position += batch_size

    def _drawn(self, name: str, places: range) -> torch.Tensor:
        feature, rng = self.spec.features[name], torch.Generator().manual_seed(places.start)
        if name == "image":
            return 2 * torch.rand(len(places), *feature.shape, generator=rng) - 1
        shape = [size + 1 for size in feature.shape]
        return torch.randint(feature.size, (len(places), *shape), generator=rng)

    def held_out(self) -> None: ...


def trained(family: str, sets: tuple[str, ...], micro_batch: int) -> dict[str, Any]:
    """Weights and other state after two steps of SGD."""
    spec = registry.FAMILIES.get(family)
    data, tiny = TINY[family]
    fixed = (*tiny, f"batch_size={BATCH}", "optimizer=sgd", "lr=0.1", "ema_halflife=0")
    resolved = config.resolve(spec, environ={}, sets=[*fixed, *sets])
    torch.manual_seed(0)
    trainer = Trainer(
        spec.load("objective")(resolved, data, {}),
        Examples(data),
        RunSettings(0, BATCH, micro_batch, "cpu", "fp32", threads=1),
    )
    for step in range(STEPS):
        trainer.step(step / STEPS)
    groups = trainer.full_tensors(everything=True)
    return {f"{group}/{name}": t for group, found in groups.items() for name, t in found.items()}


@pytest.mark.parametrize(
    ("family", "sets"), [(family, sets) for family in TINY for sets in choices(family)]
)
def test_micro_batches_change_no_weight(family: str, sets: tuple[str, ...]) -> None:
    whole = trained(family, sets, BATCH)
    for micro_batch in (1,) if sets else (1, 2):
        parts = trained(family, sets, micro_batch)
        torch.testing.assert_close(parts, whole, atol=2e-6, rtol=1e-5)
