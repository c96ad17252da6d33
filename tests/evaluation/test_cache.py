from __future__ import annotations

from pathlib import Path

import pytest
import torch

from genctl.evaluation.cache import (
    cache_path,
    gaussian_path,
    read_features,
    read_gaussian,
    write_features,
    write_gaussian,
)
from genctl.evaluation.extractors.rand import RandExtractor
from genctl.evaluation.features import Features
from genctl.evaluation.measures.frechet import Gaussian


@pytest.fixture
def features() -> Features:
    return Features(
        torch.arange(12.0).reshape(4, 3),
        frozenset({(1, 8, 8), (3, 9, 7)}),
        torch.tensor([3, -5, 3, 2**62]),
        torch.tensor([0, 1, 3, 4]),
        ("include 2 JPEG files",),
    )


def test_features_come_back_whole(features: Features, tmp_path: Path) -> None:
    path = tmp_path / "缓存" / "f.safetensors"
    write_features(path, features)
    found = read_features(path)
    assert found is not None
    assert torch.equal(found.values, features.values)
    assert found.shapes == features.shapes
    assert torch.equal(found.digests, features.digests)
    assert torch.equal(found.rows, features.rows)
    assert found.remarks == features.remarks
    assert list(path.parent.iterdir()) == [path]


def test_nothing_cached(tmp_path: Path) -> None:
    assert read_features(tmp_path / "f.safetensors") is None


def test_damage_is_noticed_wherever_it_is(features: Features, tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    write_features(path, features)
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        found = read_features(path)
        assert found is None or torch.equal(found.values, features.values)
    for length in (0, 5, len(content) - 1):
        path.write_bytes(content[:length])
        assert read_features(path) is None


def test_path_depends_on_images_weights_and_protocol(rand: RandExtractor, tmp_path: Path) -> None:
    class Others(RandExtractor):
        protocol = "another"

    class Faster(RandExtractor):
        precision = "bf16"

    other_weights = RandExtractor()
    other_weights.sha256 = "0" * 64
    paths = [
        cache_path(tmp_path, rand, "a"),
        cache_path(tmp_path, rand, "b"),
        cache_path(tmp_path, Others(), "a"),
        cache_path(tmp_path, Faster(), "a"),
        cache_path(tmp_path, other_weights, "a"),
    ]
    assert len(set(paths)) == len(paths)
    assert paths[0] == cache_path(tmp_path, RandExtractor(), "a")


def test_a_fitted_distribution_comes_back(features: Features, tmp_path: Path) -> None:
    path = gaussian_path(tmp_path / "f.safetensors")
    fitted = Gaussian.fit(features.values)
    assert read_gaussian(path) is None
    write_gaussian(path, fitted)
    found = read_gaussian(path)
    assert found is not None
    assert torch.equal(found.mean, fitted.mean)
    assert torch.equal(found.factor, fitted.factor)
    path.write_bytes(path.read_bytes()[:-1])
    assert read_gaussian(path) is None
