from __future__ import annotations

import contextlib
import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from genctl import config
from genctl.contracts import Batch, DataSpec, Feature
from genctl.engine.sampling.noise import TRAINING_BLOCK, KeyedNoise
from genctl.families.gan.objective import GanObjective
from genctl.families.gan.spec import SPEC
from tests.specs import image_spec

ROWS = 16


def objective(*sets: str, data: DataSpec | None = None) -> GanObjective:
    torch.manual_seed(0)
    resolved = config.resolve(SPEC, environ={}, sets=["width=4", f"batch_size={ROWS}", *sets])
    return GanObjective(resolved, data or image_spec("图", (1, 16, 16)), {})


def at(part: Batch) -> Any:
    return SimpleNamespace(
        index=1,
        second_order=False,
        noise=KeyedNoise((0,), part.positions, block=TRAINING_BLOCK),
        gather=lambda x: x,
        fp32=contextlib.nullcontext,
    )


def probability_after(micro_batch: int, tried_first: int = 0) -> float:
    made = objective("augment=colour", "augment_target=0.95", "critic_steps=2")
    assert made.augment is not None
    made.augment.probability.fill_(0.5)
    images = torch.rand(2 * ROWS, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole = Batch({"image": images}, range(2 * ROWS))
    if tried_first:  # and then memory ran out
        part = whole.rows(0, tried_first)
        made.loss("discriminator", part, at(part))
    for start in range(0, 2 * ROWS, micro_batch):
        part = whole.rows(start, start + micro_batch)
        made.loss("discriminator", part, at(part))
    part = whole.rows(0, micro_batch)
    made.loss("generator", part, at(part))
    return float(made.augment.probability)


def test_micro_batches_and_their_repetition_do_not_change_the_augmentation() -> None:
    whole = probability_after(ROWS)
    assert whole != 0.5
    assert probability_after(4) == whole
    assert probability_after(2, tried_first=8) == whole


def test_the_networks_are_built_for_the_images_whatever_comes_first() -> None:
    images = image_spec("图", (1, 16, 16))
    features = {"tokens": Feature("tokens", (77,), 100), **images.features}
    made = objective(data=dataclasses.replace(images, features=features))
    part = Batch({"image": torch.zeros(2, 1, 16, 16)}, range(2))
    assert made.loss("discriminator", part, at(part)).weight == pytest.approx(2)
