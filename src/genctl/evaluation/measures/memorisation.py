"""Whether a model repeats its training data: how near its images are to training images.

A small distance alone proves little, since images of one kind are near to each other. So, after
Meehan et al. 2020 (arXiv:2004.05675), distances from generated images to the nearest training image
are compared with those from held-out images.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genctl.evaluation.measures.intervals import Interval, bootstrap, wilson

_SAME = 1e-4
"""As a share of the usual distance: images nearer than this are the same image."""


class Memorisation(NamedTuple):
    """Statistics of distances to the nearest training image.

    Attributes:
        ratio: median over generated images, divided by that over held-out images; 1 for a model
            of new images, towards 0 for one that repeats its training images.
        error: standard error of the ratio over generated samples (bootstrap).
        copies: generated images with the features of a training image.
        close: share of generated images that are nearer than the first percentile of held-out
            images; 0.01 for new images.
        copies_interval: 95 % interval of ``copies`` (Wilson).
        close_interval: 95 % interval of ``close`` (Wilson).
    """

    ratio: float
    error: float
    copies: int
    close: float
    copies_interval: Interval
    close_interval: Interval


def memorisation(distances: Tensor, usual: Tensor) -> Memorisation:
    """Compare generated with held-out images.

    Args:
        distances: (N,), N at least 2, from each generated image to the nearest training image.
        usual: (K,), the same distances from images that the model was not trained on.
    """
    median = usual.median().clamp(min=torch.finfo(torch.float64).tiny)
    count = len(distances)
    copies = int((distances <= _SAME * median).sum())
    close = int((distances < usual.quantile(0.01)).sum())
    low, high = wilson(copies, count)
    return Memorisation(
        ratio=float(distances.median() / median),
        error=bootstrap(distances.double().numpy(), _lower_median).error / float(median),
        copies=copies,
        close=close / count,
        copies_interval=Interval(low * count, high * count),
        close_interval=wilson(close, count),
    )


def _lower_median(values: np.ndarray, axis: int) -> Any:
    """The median; for an even number of values, the lower middle value, as in torch."""
    middle = (values.shape[axis] - 1) // 2
    return np.partition(values, middle, axis).take(middle, axis)
