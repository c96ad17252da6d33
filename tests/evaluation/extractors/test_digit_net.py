from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from genctl.data.images.sets.digits import load_digits
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.digit_net import (
    CLASSES,
    FEATURES,
    DigitClassifier,
    load_digit_monitor,
    load_digit_net,
)

LOADERS = {"net": load_digit_net, "monitor": load_digit_monitor}


@pytest.fixture(scope="module", params=LOADERS)
def net(request: pytest.FixtureRequest) -> DigitClassifier:
    return LOADERS[request.param]()


def some_digits(split: Literal["train", "test"], count: int) -> tuple[Tensor, Tensor]:
    images, labels = load_digits(split)
    channels_first = np.ascontiguousarray(images[:count].transpose(0, 3, 1, 2))
    return torch.from_numpy(channels_first), torch.from_numpy(labels[:count])


def test_it_reads_digits_it_never_saw(net: DigitClassifier) -> None:
    images, labels = some_digits("test", 1000)
    assert (net(images).argmax(1) == labels).double().mean() >= 0.985


def test_shapes_and_types(net: DigitClassifier) -> None:
    images, _ = some_digits("test", 3)
    features = net.features(images)
    assert features.shape == (3, FEATURES)
    assert features.dtype == torch.float32
    assert net.logits(features).shape == (3, CLASSES)
    assert torch.equal(net.logits(features), net(images))


def test_features_are_standardised_and_keep_how_a_digit_is_drawn(net: DigitClassifier) -> None:
    """Were all of a class alike to the network, no distance could see a lack of variety."""
    images, labels = some_digits("train", 1500)
    features = net.features(images)
    assert features.mean(0).abs().max() < 0.15
    assert (features.var(0) - 1).abs().max() < 0.3
    within = torch.stack([features[labels == k].var(0).sum() for k in range(CLASSES)])
    assert within.mean() > 0.3 * FEATURES


def test_it_is_frozen_and_the_same_each_time(net: DigitClassifier) -> None:
    images, _ = some_digits("test", 5)
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())
    again = next(load() for load in LOADERS.values() if isinstance(net, type(load())))
    assert torch.equal(net(images), again(images))


@pytest.mark.parametrize("kind", LOADERS)
def test_it_is_small(kind: str) -> None:
    weights = resources.files("genctl.evaluation.extractors").joinpath(f"digit_{kind}.safetensors")
    assert len(weights.read_bytes()) <= 1_000_000


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = resources.files("genctl.evaluation.extractors").joinpath("digit_net.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    (tmp_path / "digit_net.safetensors").write_bytes(content)
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(GenctlError, match="damaged") as refused:
        load_digit_net()
    assert refused.value.code == ExitStatus.DATA
    assert "--force-reinstall" in refused.value.hint
