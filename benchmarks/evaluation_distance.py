"""Seconds for a Fréchet distance of 2,048 features.

The peers start from means and covariances, as their packages do: pytorch-fid's and clean-fid's
matrix root by SciPy, torch-fidelity's eigenvalues of the product. So does genctl where there are
more images than features, with the reference's factor at hand; where there are fewer it starts from
the features. With its standard error, which the others do not have, it always does. The features
are those of a random layer behind a rectifier, with a spectrum that falls as Inception's does.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from genctl.compat.torchvision import import_torchvision
from genctl.evaluation.measures.frechet import Gaussian, frechet_distance, frechet_of

DIM = 2048
COUNTS = (1000, 5000)


def run(rounds: int, _device: str) -> str:
    """The table as Markdown."""
    lines = ["| | images | seconds | genctl / it | distance |", "|---|--:|--:|--:|--:|"]
    for count in COUNTS:
        first, second = (_features(count, seed) for seed in (0, 1))
        contenders = _contenders(first, second)
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        values = {}
        for _ in range(min(rounds, 3)):
            for name, work in contenders.items():
                begun = time.perf_counter()
                values[name] = work()
                seconds[name].append(time.perf_counter() - begun)
        own = next(iter(contenders))
        for name, found in seconds.items():
            ratio = statistics.median(a / b for a, b in zip(seconds[own], found, strict=True))
            lines.append(
                f"| {name} | {count:,} | {statistics.median(found):.2f} | {ratio:.3f} "
                f"| {values[name]:.7g} |"
            )
    return "\n".join(lines)


def _features(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    layer = np.random.default_rng(9).standard_normal((DIM, DIM)) / DIM**0.5
    scales = 1 / np.sqrt(1 + np.arange(DIM))
    hidden = (random.standard_normal((count, DIM)) + 0.1 * seed) * scales @ layer * 6
    rectified: np.ndarray = np.maximum(hidden + 0.3, 0)
    return rectified.astype(np.float32)


def _contenders(first: np.ndarray, second: np.ndarray) -> dict[str, Callable[[], float]]:
    import_torchvision()
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    moments = [(np.mean(x, 0, dtype=np.float64), np.cov(x, rowvar=False)) for x in (first, second)]
    (mu1, sigma1), (mu2, sigma2) = moments
    stats = [{"mu": mu, "sigma": sigma} for mu, sigma in moments]
    tensors = [torch.from_numpy(x) for x in (first, second)]
    known = Gaussian.fit(tensors[1])
    mean, covariance = torch.from_numpy(mu1), torch.from_numpy(sigma1)

    def fitted() -> Gaussian:
        few = len(first) <= DIM
        return Gaussian.fit(tensors[0]) if few else Gaussian.of_moments(mean, covariance)

    return {
        "genctl": lambda: frechet_distance(fitted(), known),
        "genctl, with its error": lambda: frechet_of(tensors[0], known).distance,
        "pytorch-fid": lambda: float(calculate_frechet_distance(mu1, sigma1, mu2, sigma2)),
        "torch-fidelity": lambda: float(
            fid_statistics_to_metric(*stats, False)["frechet_inception_distance"]
        ),
    }
