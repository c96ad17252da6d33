"""The same random weights in genctl and in torch-fidelity: the same features, FID and IS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from genctl.evaluation.evaluate import evaluate_images, make_reference
from genctl.evaluation.extractors.inception import InceptionExtractor
from genctl.evaluation.inception_score import inception_score

COUNT = 32


def write_pictures(folder: Path, size: int, seed: int) -> Path:
    """Smooth random colour pictures, so that features differ between images and folders."""
    folder.mkdir()
    generator = np.random.default_rng(seed)
    for index in range(COUNT):
        coarse = Image.fromarray(generator.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"{index:03}.png")
    return folder


def read(folder: Path) -> Iterator[NDArray[np.uint8]]:
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            yield np.asarray(image.convert("RGB"))[None]


@pytest.mark.oracle
def test_distance_and_score_agree_with_torch_fidelity(weights_file: Path, tmp_path: Path) -> None:
    from torch_fidelity import calculate_metrics

    generated = write_pictures(tmp_path / "生成", 32, seed=0)
    real = write_pictures(tmp_path / "真实", 96, seed=1)
    theirs = calculate_metrics(
        input1=str(real),
        input2=str(generated),
        isc=True,
        fid=True,
        cuda=False,
        batch_size=COUNT,
        cache=False,
        save_cpu_ram=True,  # no worker processes
        verbose=False,
        feature_extractor_weights_path=str(weights_file),
    )
    extractor = InceptionExtractor(weights_file)
    reference = make_reference(read(real), extractor, name="real", sha256="0" * 64)
    fid = evaluate_images("fid", read(generated), extractor, reference)
    score = inception_score(extractor.logits(reference.features.values))

    assert fid.value == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    assert score.mean == pytest.approx(theirs["inception_score_mean"], rel=1e-4)
    assert score.deviation == pytest.approx(theirs["inception_score_std"], rel=1e-3)
    assert fid.name.startswith("fd[inception:")


@pytest.mark.oracle
@pytest.mark.parametrize("size", [(32, 32), (96, 64)])
def test_features_agree_with_torch_fidelity(weights_file: Path, size: tuple[int, int]) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    images = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8)
    oracle = FeatureExtractorInceptionV3(
        "inception-v3-compat",
        ["2048", "logits_unbiased"],
        feature_extractor_weights_path=str(weights_file),
    )
    extractor = InceptionExtractor(weights_file)
    features, logits = oracle(images)
    found = extractor.features(extractor.prepare(images))
    scale = features.std().item()
    torch.testing.assert_close(found, features, rtol=0, atol=1e-3 * scale)
    torch.testing.assert_close(
        extractor.logits(found), logits, rtol=0, atol=1e-3 * logits.std().item()
    )
