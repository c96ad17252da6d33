"""Features that genctl and its peers look at."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def synthetic(count: int, dim: int, seed: int) -> Tensor:
    """Features as behind a rectifier, with a falling spectrum; other seeds, other means."""
    random = np.random.default_rng(seed)
    layer = np.random.default_rng(99).standard_normal((dim, dim)) / dim**0.5
    scales = 3 / np.sqrt(1 + np.arange(dim))
    hidden = (random.standard_normal((count, dim)) * scales + 0.05 * seed) @ layer
    return torch.from_numpy(np.maximum(hidden + 0.2, 0).astype(np.float32))


def kernel_distance_of_torch_fidelity(
    first: Tensor, second: Tensor, *, subsets: int, size: int
) -> tuple[float, float]:
    """Mean and deviation over subsets, by torch-fidelity."""
    from torch_fidelity.metric_kid import kid_features_to_metric

    found = kid_features_to_metric(
        first,
        second,
        kid_subsets=subsets,
        kid_subset_size=size,
        kid_degree=3,
        kid_gamma=None,
        kid_coef0=1,
        rng_seed=2020,
        verbose=False,
    )
    return tuple(found[f"kernel_inception_distance_{part}"] for part in ("mean", "std"))
