"""What is warned of, and what is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from genctl.data.images.stream import ImagePass
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.compute import measure
from genctl.evaluation.evaluate import evaluate_images
from genctl.evaluation.extractors.digits import DigitsExtractor
from genctl.evaluation.extractors.rand import RandExtractor
from genctl.evaluation.features import Features, extract
from genctl.evaluation.image_inputs import EvalInputs
from genctl.evaluation.reference import Reference, make_reference


def images(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module")
def reference(rand: RandExtractor) -> Reference:
    return make_reference([images(400, seed=1)], rand, name="r", sha256="0" * 64)


def warnings(generated: Tensor, rand: RandExtractor, reference: Reference) -> tuple[str, ...]:
    [score] = evaluate_images(["fid"], [generated], rand, reference)
    return score.warnings


def test_nothing_to_warn_of(rand: RandExtractor, reference: Reference) -> None:
    assert warnings(images(400), rand, reference) == ()


def test_copies_among_generated_images(rand: RandExtractor, reference: Reference) -> None:
    repeated = torch.cat([images(390), images(10)])
    assert warnings(repeated, rand, reference) == (
        "10 of 400 generated images are exact copies of others among them",
    )


def test_other_numbers_without_a_floor(rand: RandExtractor, reference: Reference) -> None:
    [warning] = warnings(images(300), rand, reference)
    assert warning.startswith("300 generated against 400 real images: a distance is comparable")
    held_out = extract(rand, [images(300, seed=2)])
    [score] = evaluate_images(["fid"], [images(300)], rand, reference, held_out)
    assert score.warnings == ()


def test_what_is_remarked_of_files(rand: RandExtractor, reference: Reference) -> None:
    reading = ImagePass(iter([images(400).numpy()]), list(range(400)), jpegs=7, deep=2)
    [score] = evaluate_images(["fid"], reading, rand, reference)
    jpeg, deep = score.warnings
    assert jpeg.startswith("the generated images include 7 JPEG files, whose artefacts")
    assert deep == "the generated images include 2 of 16 bits per channel, reduced to 8"


def test_class_order_matters_to_other_tools_only() -> None:
    digits = DigitsExtractor()
    pictures = images(1000)[:, :1]
    seen = extract(digits, [pictures])

    def score(labels: np.ndarray) -> tuple[float, tuple[str, ...]]:
        [found] = measure("is", EvalInputs(digits, seen.labelled(labels, ("a", "b"))))
        return found.value, found.warnings

    in_order, warned = score(np.repeat([0, 1], 500))
    mixed, silent = score(np.tile([0, 1], 500))
    assert in_order == mixed
    assert silent == ()
    assert [w[:50] for w in warned] == ["the images come in the order of their classes: too"]


def test_a_class_without_enough_images_is_named(rand: RandExtractor) -> None:
    names = ("a", "b", "c")

    def labelled(count: int, seed: int, labels: list[int]) -> Features:
        return extract(rand, [images(count, seed)]).labelled(np.resize(labels, count), names)

    real = make_reference(
        [images(60, 1)],
        rand,
        name="r",
        sha256="0" * 64,
        labels=np.resize([0, 1, 2], 60),
        class_names=names,
    )
    distance, recall = measure("per-class", EvalInputs(rand, labelled(60, 0, [0, 1]), real))
    assert distance.name == "fd-per-class[rand]"
    assert recall.name == "recall-per-class[rand]"
    assert recall.error_kind.startswith("standard error over reference images (Wilson)")
    assert set(distance.details) == set(recall.details) == {"a", "b"}
    assert distance.value == pytest.approx(sum(distance.details.values()) / 2)
    assert "too few images of the classes c: left out" in distance.warnings
    with pytest.raises(GenctlError, match="no class has more than 3") as caught:
        measure("per-class", EvalInputs(rand, labelled(3, 0, [0]), real))
    assert caught.value.code is ExitStatus.DATA
