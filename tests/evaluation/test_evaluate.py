from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from genctl import __version__
from genctl.data.images.sets.digits import load_digits
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.evaluate import evaluate_images, real_baseline
from genctl.evaluation.extractors.base import Origin
from genctl.evaluation.extractors.digits import DigitsExtractor
from genctl.evaluation.extractors.rand import RandExtractor
from genctl.evaluation.features import extract
from genctl.evaluation.reference import Reference, make_reference

SHA = "9f8e7d6c" + "0" * 56


@pytest.fixture(scope="module")
def digits() -> DigitsExtractor:
    return DigitsExtractor()


@pytest.fixture(scope="module")
def reference(digits: DigitsExtractor) -> Reference:
    return make_reference([load_digits("train")[0]], digits, name="digits.train", sha256=SHA)


@pytest.fixture(scope="module")
def few(digits: DigitsExtractor) -> Reference:
    return make_reference([load_digits("train")[0][:1500]], digits, name="few", sha256=SHA)


@pytest.fixture(scope="module")
def held_out() -> Tensor:
    return torch.from_numpy(load_digits("test")[0])


def images(count: int, *shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *shape), generator=generator, dtype=torch.uint8)


def small_reference(extractor: RandExtractor, *shape: int) -> Reference:
    return make_reference([images(300, *shape, seed=1)], extractor, name="r", sha256=SHA)


def test_real_digits_stand_low_and_noise_high(
    digits: DigitsExtractor, reference: Reference, held_out: Tensor
) -> None:
    seen = extract(digits, torch.split(held_out[:1000], 300))
    [baseline] = real_baseline(["fid"], seen, reference).scores
    [noise] = evaluate_images(["fid"], [images(1000, 1, 28, 28)], digits, reference)
    assert baseline.name == noise.name == "fd[digits]"
    assert baseline.n_generated == 1000
    assert 0 < baseline.error < baseline.value < 8
    assert noise.value > 20 * baseline.value
    assert baseline.warnings == ()


def test_what_a_score_says(digits: DigitsExtractor, reference: Reference, held_out: Tensor) -> None:
    [score] = evaluate_images(["fid"], [held_out], digits, reference)
    count = len(held_out)
    total = reference.features.count
    assert score.signature == (
        f"fd|ex:digits:{digits.sha256[:8]}|n:{count}/{total}|ref:digits.train@9f8e7d6c|sqrt:svd"
        f"|px:uint8.luma-bilinear-28|dt:fp32|v:{__version__}"
    )
    assert score.value == pytest.approx(sum(score.details.values()))
    assert set(score.seconds) == {"images", "features", "reference", "metric"}
    assert str(score).startswith("fd[digits] ")
    document = json.loads(json.dumps(score.to_json()))
    assert document["n_reference"] == total
    assert document == dataclasses.asdict(score) | {"warnings": list(score.warnings)}


def test_inception_score_of_digits(digits: DigitsExtractor, held_out: Tensor) -> None:
    [score] = evaluate_images(["is"], [held_out], digits)
    assert score.name == "is[digits]"
    [noise] = evaluate_images(["is"], [images(1000, 1, 28, 28)], digits)
    assert 2 * noise.value < score.value < 10
    assert 0 < score.error < 1
    assert score.n_reference is None
    assert "|splits:10|" in score.signature


def test_score_does_not_depend_on_batches_or_their_layout(
    digits: DigitsExtractor, reference: Reference, held_out: Tensor
) -> None:
    [by_one] = evaluate_images(["fid"], [held_out], digits, reference)
    nchw = [batch.numpy() for batch in torch.split(held_out.permute(0, 3, 1, 2), 97)]
    [by_many] = evaluate_images(["fid"], nchw, digits, reference)
    assert by_one.value == by_many.value
    assert by_one.error == by_many.error


def test_only_a_classifier_has_an_inception_score(rand: RandExtractor) -> None:
    with pytest.raises(GenctlError, match="needs a classifier, and the rand extractor") as caught:
        evaluate_images(["is"], [images(20, 3, 8, 8)], rand)
    assert caught.value.code is ExitStatus.USAGE
    assert "digits" in caught.value.hint


def test_one_image_has_no_distance(rand: RandExtractor) -> None:
    with pytest.raises(GenctlError, match="at least 2 generated images") as caught:
        evaluate_images(["fid"], [images(1, 3, 8, 8)], rand, small_reference(rand, 3, 8, 8))
    assert caught.value.code is ExitStatus.DATA


def test_reference_of_another_extractor_is_a_mistake(
    rand: RandExtractor, digits: DigitsExtractor
) -> None:
    for wrong in (None, small_reference(rand, 3, 8, 8)):
        with pytest.raises(ValueError, match="same extractor"):
            evaluate_images(["fid"], [images(2, 3, 8, 8)], digits, wrong)


def test_warnings_about_images(rand: RandExtractor) -> None:
    generated = [images(100, 4, 8, 8), images(20, 4, 8, 12)]
    [score] = evaluate_images(["fid"], generated, rand, small_reference(rand, 3, 8, 8))
    assert len(score.warnings) == 5
    dropped, mixed, apart, few, unequal = score.warnings
    assert unequal.startswith("120 generated against 300 real images")
    assert dropped == "the alpha channel of the generated images was dropped"
    assert mixed == "the generated images have 2 different shapes"
    assert few.startswith("120 generated images are not more than the 256 features")
    assert apart.startswith("generated images are 8x8x4, reference images 8x8x3")


@pytest.mark.parametrize(
    ("origin", "name", "warning"),
    [
        ("canonical", "fid", "papers report FID with 50,000 samples; with 400 it is higher"),
        ("custom", "fd[rand:e8b6a20c]", "the weights e8b6a20c are not the published ones"),
    ],
)
def test_warnings_about_weights(origin: Origin, name: str, warning: str) -> None:
    extractor = RandExtractor()
    extractor.origin = origin
    reference = small_reference(extractor, 3, 8, 8)
    [score] = evaluate_images(["fid"], [images(400, 3, 8, 8)], extractor, reference)
    assert score.name == name
    assert score.signature.startswith(f"{name.partition('[')[0]}|ex:rand:e8b6a20c|")
    unequal = "400 generated against 300 real images: "
    [found] = [text for text in score.warnings if not text.startswith(unequal)]
    assert found.startswith(warning)


def test_inception_score_of_few_images(digits: DigitsExtractor, held_out: Tensor) -> None:
    [score] = evaluate_images(["is"], [held_out[:64]], digits)
    assert score.warnings == (
        "64 images in 10 splits cannot show 10 classes: the score is lower than more images "
        "would give",
    )


def test_a_name_cannot_break_the_signature(rand: RandExtractor) -> None:
    reference = make_reference([images(3, 3, 8, 8)], rand, name="a|n:1", sha256=SHA)
    [score] = evaluate_images(["fid"], [images(3, 3, 8, 8)], rand, reference)
    assert "|ref:a_n:1@9f8e7d6c|" in score.signature


def test_reference_is_read_from_the_cache(rand: RandExtractor, tmp_path: Path) -> None:
    def read_once() -> Iterator[Tensor]:
        yield images(40, 3, 8, 8)

    def never() -> Iterator[Tensor]:
        raise AssertionError("the cache was not used")
        yield

    def made(batches: Iterator[Tensor], sha256: str) -> Tensor:
        found = make_reference(batches, rand, name="r", sha256=sha256, cache=tmp_path)
        return found.features.values

    first = made(read_once(), SHA)
    assert torch.equal(made(never(), SHA), first)
    with pytest.raises(AssertionError, match="not used"):
        made(never(), "1" * 64)
    (cached,) = tmp_path.iterdir()
    cached.write_bytes(cached.read_bytes()[:-1])
    assert torch.equal(made(read_once(), SHA), first)
    assert torch.equal(made(never(), SHA), first)


def test_cache_that_cannot_be_written_costs_only_time(rand: RandExtractor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    reference = make_reference(
        [np.zeros((4, 8, 8, 3), np.uint8)], rand, name="r", sha256=SHA, cache=tmp_path / "file"
    )
    assert reference.features.count == 4


def test_all_metrics_of_one_pass_are_those_of_each(
    digits: DigitsExtractor, few: Reference, held_out: Tensor
) -> None:
    passes = 0

    def once() -> Iterator[Tensor]:
        nonlocal passes
        passes += 1
        yield held_out[:600]

    metrics = ["fid", "is", "kid", "prdc", "fid-infinity"]
    found = evaluate_images(metrics, once(), digits, few)
    assert passes == 1
    assert [score.name.partition("[")[0] for score in found] == [
        "fd", "is", "kd", "precision", "recall", "density", "coverage", "fd-infinity",
    ]  # fmt: skip
    alone = [score for m in metrics for score in evaluate_images([m], once(), digits, few)]
    assert [score.value for score in found] == [score.value for score in alone]
    assert len({score.signature for score in found}) == len(found)
    assert all(score.error > 0 for score in found)


def test_real_digits_are_real_and_varied_by_every_metric(
    digits: DigitsExtractor, few: Reference, held_out: Tensor
) -> None:
    def scores(images: Tensor) -> dict[str, float]:
        found = evaluate_images(["kid", "prdc", "fid-infinity"], [images], digits, few)
        return {score.name.removesuffix("[digits]"): score.value for score in found}

    real, zeros = scores(held_out[:1000]), scores(held_out[:1000] // 255)
    assert abs(real["kd"]) < zeros["kd"] / 100
    # Recall and coverage are of all real ones, which 1,000 images cannot all be near to.
    for name, least in (("precision", 0.7), ("density", 0.7), ("recall", 0.3), ("coverage", 0.3)):
        assert real[name] > least
        assert zeros[name] < 0.1
    assert real["fd-infinity"] < zeros["fd-infinity"] / 10


def test_a_baseline_that_cannot_be_computed_says_why(
    digits: DigitsExtractor, reference: Reference, held_out: Tensor
) -> None:
    few = extract(digits, [held_out[:10]])
    found = real_baseline(["fid", "fid-infinity", "memorisation"], few, reference)
    assert [score.name for score in found.scores] == ["fd[digits]"]
    assert found.absent == {
        "fid-infinity": "with 10 held-out images: 10 samples are too few to extrapolate from",
        "memorisation": "it uses the held-out images itself",
    }
    alone = real_baseline(["fid"], extract(digits, [held_out[:1]]), reference)
    assert alone.scores == []
    assert "at least 2 held-out images" in alone.absent["fid"]


def test_distances_by_an_extractors_own_name(
    digits: DigitsExtractor, reference: Reference, held_out: Tensor
) -> None:
    metrics = ["fid", "fd[digits]", "kid", "kd:digits"]
    found = evaluate_images(metrics, [held_out[:200]], digits, reference)
    assert [s.name for s in found] == ["fd[digits]", "fd[digits]", "kd[digits]", "kd[digits]"]
    assert found[0].value == found[1].value
    assert found[0].signature == found[1].signature
    assert found[2].signature == found[3].signature


def test_a_distance_that_names_its_extractor_is_never_called_fid() -> None:
    extractor = RandExtractor()
    extractor.origin = "canonical"
    reference = small_reference(extractor, 3, 8, 8)
    metrics = ["fid", "fd[rand]", "kid", "kd[rand]", "fid-infinity"]
    found = evaluate_images(metrics, [images(40, 3, 8, 8)], extractor, reference)
    assert [score.name for score in found] == metrics
    heads = [score.signature.partition("|")[0] for score in found]
    assert heads == ["fid", "fd", "kid", "kd", "fid-infinity"]


def test_each_score_has_its_direction(
    digits: DigitsExtractor, few: Reference, held_out: Tensor
) -> None:
    found = evaluate_images(["fid", "is", "prdc"], [held_out[:200]], digits, few)
    assert [score.higher_is_better for score in found] == [False, True, True, True, True, True]
