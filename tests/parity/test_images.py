"""The same images and the same random weights to genctl and to its peers, each its own way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import genctl
from genctl.evaluation.extractors.inception.extractor import InceptionExtractor
from genctl.evaluation.extractors.inception.reader import load_network

pytestmark = pytest.mark.oracle

COUNT = 10  # an Inception Score needs as many
SIZES = [(32, 32, 3), (28, 28, 1), (61, 75, 3), (299, 299, 3), (310, 400, 1), (17, 300, 3)]
"""Height, width and channels: enlarged, odd, left as it is, shrunk, and both at once."""


@pytest.fixture(scope="module")
def pictures() -> list[Tensor]:
    """An image of each of `SIZES`, ``(1, C, H, W) uint8``."""
    generator = np.random.default_rng(0)
    found = []
    for height, width, channels in SIZES:
        coarse = generator.integers(0, 256, (7, 5, channels), dtype=np.uint8)
        image = enlarged(coarse, width, height)
        found.append(torch.from_numpy(image.reshape(1, height, width, channels).copy()))
    return [images.permute(0, 3, 1, 2) for images in found]


def enlarged(image: np.ndarray, width: int, height: int) -> np.ndarray:
    picture = Image.fromarray(image.squeeze())
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def features(extractor: InceptionExtractor, images: Tensor) -> Tensor:
    with torch.inference_mode():
        return extractor.features(extractor.prepare(images))


def rgb(images: Tensor) -> Tensor:
    return images.expand(-1, 3, -1, -1)


def assert_equal(found: Tensor, expected: Tensor) -> None:
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_features_of_torch_fidelity(weights_file: Path, pictures: list[Tensor]) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    theirs = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights_file)
    )
    ours = InceptionExtractor(weights_file, protocol="tf")
    for images in pictures:
        assert_equal(features(ours, images), theirs(rgb(images))[0])


@pytest.fixture(scope="module")
def pytorch_fid_network(weights_file: Path) -> Iterator[torch.nn.Module]:
    from pytorch_fid import inception

    downloaded = inception.load_state_dict_from_url
    inception.load_state_dict_from_url = lambda *_, **__: torch.load(
        weights_file, weights_only=True
    )
    yield inception.InceptionV3([3]).eval()
    inception.load_state_dict_from_url = downloaded


def test_features_of_pytorch_fid(
    weights_file: Path, pictures: list[Tensor], pytorch_fid_network: torch.nn.Module
) -> None:
    ours = InceptionExtractor(weights_file, protocol="pytorch-fid")
    for images in pictures:
        with torch.inference_mode():
            theirs = pytorch_fid_network(rgb(images).float() / 255)[0].flatten(1)
        assert_equal(features(ours, images), theirs)


def test_the_layout_of_pytorch_fids_own_module(
    weights_file: Path, pytorch_fid_network: torch.nn.Module, tmp_path: Path, pictures: list[Tensor]
) -> None:
    """Saved from its module, the weights have other names and no classifier."""
    path = tmp_path / "blocks.pth"
    torch.save(pytorch_fid_network.state_dict(), path)
    assert any(name.startswith("blocks.3.") for name in pytorch_fid_network.state_dict())
    found = features(InceptionExtractor(path), pictures[0])
    assert torch.equal(found, features(InceptionExtractor(weights_file), pictures[0]))


@pytest.mark.parametrize("antialias", [False, True])
def test_features_of_torchmetrics(
    weights_file: Path, pictures: list[Tensor], antialias: bool
) -> None:
    from torchmetrics.image.fid import NoTrainInceptionV3

    theirs = NoTrainInceptionV3(
        "inception-v3-compat",
        ["2048"],
        feature_extractor_weights_path=str(weights_file),
        antialias=antialias,
    )
    ours = InceptionExtractor(weights_file, protocol="torchmetrics" if antialias else "tf")
    for images in pictures:
        assert_equal(features(ours, images), theirs(rgb(images)))


def write(folder: Path, size: int, seed: int, count: int = COUNT) -> Path:
    folder.mkdir()
    generator = np.random.default_rng(seed)
    for index in range(count):
        coarse = Image.fromarray(generator.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"{index:03}.png")
    return folder


def test_distance_and_score_of_folders_by_torch_fidelity(
    weights_file: Path, tmp_path: Path
) -> None:
    from torch_fidelity import calculate_metrics

    generated = write(tmp_path / "生成", 32, 0)
    real = write(tmp_path / "真实", 96, 1, count=4)
    theirs = calculate_metrics(
        input1=str(generated),
        input2=str(real),
        isc=True,
        fid=True,
        cuda=False,
        batch_size=COUNT,
        cache=False,
        save_cpu_ram=True,  # no worker processes
        verbose=False,
        feature_extractor_weights_path=str(weights_file),
    )
    fid, score = genctl.evaluate(
        "fid,is", str(generated), ref=str(real), extractor_weights=weights_file
    ).scores

    assert fid.value == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    assert score.value == pytest.approx(theirs["inception_score_mean"], rel=1e-4)
    assert score.error == pytest.approx(theirs["inception_score_std"], rel=1e-3)
    assert fid.name.startswith("fd[inception:")


@pytest.mark.slow
def test_a_distance_of_folders_by_pytorch_fid(
    weights_file: Path, tmp_path: Path, pytorch_fid_network: torch.nn.Module
) -> None:
    from pytorch_fid import fid_score

    folders = [write(tmp_path / "生成", 32, 0), write(tmp_path / "真实", 40, 1)]
    statistics = [
        fid_score.compute_statistics_of_path(
            str(folder), pytorch_fid_network, COUNT, 2048, "cpu", num_workers=0
        )
        for folder in folders
    ]
    theirs = float(fid_score.calculate_frechet_distance(*statistics[0], *statistics[1]))
    ours = genctl.evaluate(
        "fid",
        folders[0],
        ref=folders[1],
        extractor_weights=weights_file,
        protocol="pytorch-fid",
    ).score
    assert ours.value == pytest.approx(theirs, rel=1e-4)
    # Its .npz is a reference here, and ours is one there.
    np.savez(tmp_path / "theirs.npz", mu=statistics[1][0], sigma=statistics[1][1])
    to_theirs = genctl.evaluate(
        "fid",
        folders[0],
        ref=tmp_path / "theirs.npz",
        extractor_weights=weights_file,
        protocol="pytorch-fid",
    ).score
    assert to_theirs.value == pytest.approx(theirs, rel=1e-4)


@pytest.mark.slow
def test_a_distance_of_folders_by_clean_fid(weights_file: Path, tmp_path: Path) -> None:
    """Its reading, resizing and distance; in place of the network that it downloads, ours."""
    from cleanfid.fid import frechet_distance, get_folder_features

    folders = [write(tmp_path / "a", 32, 0), write(tmp_path / "b", 40, 1)]
    network = load_network(weights_file)
    sides: list[np.ndarray] = [
        get_folder_features(
            str(folder),
            lambda x: network.features((x - 128) / 128),
            num_workers=0,
            device=torch.device("cpu"),
            mode="clean",
            verbose=False,
        )
        for folder in folders
    ]
    moments = [m for side in sides for m in (side.mean(0), np.cov(side, rowvar=False))]
    theirs = float(frechet_distance(*moments))
    ours = genctl.evaluate(
        "fid", folders[0], ref=folders[1], extractor_weights=weights_file, protocol="clean"
    ).score
    assert ours.value == pytest.approx(theirs, rel=1e-4)
