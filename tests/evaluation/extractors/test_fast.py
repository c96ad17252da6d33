"""bfloat16, and how far it is from float32."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from genctl.evaluation.evaluate import evaluate_images
from genctl.evaluation.extractors.base import Classifier
from genctl.evaluation.extractors.digits import DigitsExtractor
from genctl.evaluation.extractors.fast import AUDITED, in_half
from genctl.evaluation.extractors.inception.extractor import InceptionExtractor
from genctl.evaluation.extractors.rand import RandExtractor
from genctl.evaluation.features import extract
from genctl.evaluation.measures.frechet import Gaussian, frechet_distance
from genctl.evaluation.reference import make_reference


def images(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 16, 16), generator=generator, dtype=torch.uint8)


def test_the_audit_is_the_distance_of_the_first_images_in_either_precision() -> None:
    exact, fast = RandExtractor(), in_half(RandExtractor())
    found = extract(fast, [images(300)]).values
    expected = extract(exact, [images(300)]).values
    assert 0 < (found - expected).abs().max() < 0.05 * expected.abs().max()
    first = frechet_distance(Gaussian.fit(found[:AUDITED]), Gaussian.fit(expected[:AUDITED]))
    assert abs(fast.audit - first) < 1e-9 * (1 + first)


def test_a_score_says_that_it_was_fast() -> None:
    fast = in_half(RandExtractor())
    reference = make_reference([images(300, 1)], fast, name="r", sha256="0" * 64)
    [score] = evaluate_images(["fid"], [images(300)], fast, reference)
    assert "|dt:bf16|" in score.signature
    assert any(w.startswith("computed in bfloat16: of the first 256") for w in score.warnings)


def test_a_classifier_stays_one() -> None:
    assert isinstance(in_half(DigitsExtractor()), Classifier)
    assert not isinstance(in_half(RandExtractor()), Classifier)


@pytest.mark.slow  # processors without bfloat16 need half a minute for one image
def test_inceptions_features_are_close(weights_file: Path) -> None:
    inception = InceptionExtractor(weights_file)
    found = extract(in_half(inception), [images(1)]).values
    expected = extract(inception, [images(1)]).values
    assert (found - expected).abs().max() < 0.1 * expected.abs().max()
