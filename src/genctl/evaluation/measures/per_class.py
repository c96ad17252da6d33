"""Scores of each class: a model with a good total score may be bad, or narrow, in one class."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from genctl.evaluation.measures.frechet import Gaussian, frechet_of
from genctl.evaluation.measures.intervals import Estimate
from genctl.evaluation.measures.neighbours import PRECISION_K, precision_recall

if TYPE_CHECKING:
    from genctl.evaluation.features import Features


class ClassScore(NamedTuple):
    """The scores of one class of generated images against the same class of real images.

    Attributes:
        name: the name of the class.
        distance: the Fréchet distance; it is biased upwards compared with that of all classes,
            because there are fewer images.
        recall: the share of its real images that lie among the generated ones.
        generated, real: the number of its generated and real images.
    """

    name: str
    distance: Estimate
    recall: Estimate
    generated: int
    real: int


def per_class(generated: Features, real: Features) -> list[ClassScore]:
    """A score for every class that both sides have more than `PRECISION_K` images of.

    Classes are matched by name.
    """
    return list(_scores(generated, real))


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of independent estimates."""
    count = len(estimates)
    error = math.sqrt(sum(estimate.error**2 for estimate in estimates)) / count
    return Estimate(sum(estimate.value for estimate in estimates) / count, error)


def _scores(generated: Features, real: Features) -> Iterator[ClassScore]:
    for name in real.class_names:
        made, known = _of_class(generated, name), _of_class(real, name)
        if min(len(made), len(known)) <= PRECISION_K:
            continue
        found = frechet_of(made, Gaussian.fit(known))
        recall = precision_recall(made, known).recall
        distance = Estimate(found.distance, found.error)
        yield ClassScore(name, distance, recall, len(made), len(known))


def _of_class(features: Features, name: str) -> Tensor:
    if features.labels is None or name not in features.class_names:
        return features.values[:0]
    return features.values[features.labels == features.class_names.index(name)]
