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
