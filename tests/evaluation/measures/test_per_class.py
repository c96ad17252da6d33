from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from genctl.evaluation.features import Features
from genctl.evaluation.measures.frechet import Gaussian, frechet_of
from genctl.evaluation.measures.intervals import Estimate
from genctl.evaluation.measures.neighbours import precision_recall
from genctl.evaluation.measures.per_class import mean_of, per_class


def features(seed: int, counts: dict[str, int], shift: float = 0.0) -> Features:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.full((n,), k) for k, n in enumerate(counts.values())])
    values = torch.randn(len(labels), 4, generator=generator) + shift * labels[:, None]
    rows = torch.arange(len(labels))
    return Features(
        values, frozenset({(1, 8, 8)}), rows, rows, labels=labels, class_names=tuple(counts)
    )


def of(features: Features, name: str) -> Tensor:
    assert features.labels is not None
    return features.values[features.labels == features.class_names.index(name)]


def test_each_class_is_compared_with_its_own_kind_by_name() -> None:
    made = features(0, {"猫": 40, "dog": 30})
    real = features(1, {"dog": 50, "猫": 60}, shift=2.0)
    found = {score.name: score for score in per_class(made, real)}
    assert set(found) == {"猫", "dog"}
    for name, score in found.items():
        first, second = of(made, name), of(real, name)
        assert score.distance.value == pytest.approx(
            frechet_of(first, Gaussian.fit(second)).distance
        )
        assert score.recall == precision_recall(first, second).recall
        assert (score.generated, score.real) == (len(first), len(second))
    assert found["dog"].distance.value < found["猫"].distance.value


def test_classes_with_too_few_images_are_left_out() -> None:
    made, real = features(0, {"a": 3, "b": 20}), features(1, {"a": 20, "b": 20, "c": 20})
    assert [score.name for score in per_class(made, real)] == ["b"]
    assert per_class(replace(made, labels=None), real) == []


def test_the_mean_of_independent_estimates() -> None:
    assert mean_of([Estimate(1.0, 3.0), Estimate(2.0, 4.0)]) == Estimate(1.5, 2.5)
