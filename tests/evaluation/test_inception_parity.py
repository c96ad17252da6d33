"""The same random weights in genctl and in torch-fidelity: the same features, FID and IS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genctl
from genctl.evaluation.extractors.inception import InceptionExtractor

COUNT = 32


def write_pictures(folder: Path, size: int, seed: int) -> Path:
    """Smooth random colour pictures, so that features differ between images and folders."""
    folder.mkdir()
    generator = np.random.default_rng(seed)
    for index in range(COUNT):
        coarse = Image.fromarray(generator.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"{index:03}.png")
    return folder


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
    fid = genctl.evaluate(
        "fid", str(generated), ref=str(real), extractor_weights=weights_file
    ).score
    score = genctl.evaluate("is", str(real), extractor_weights=weights_file).score

    assert fid.value == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    assert score.value == pytest.approx(theirs["inception_score_mean"], rel=1e-4)
    assert score.error == pytest.approx(theirs["inception_score_std"], rel=1e-3)
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
