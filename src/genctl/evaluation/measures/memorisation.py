"""Whether a model gives back what it was trained on: how near its images are to training images.

Nearness alone says little, since images of a kind are near to each other. What says something is
how near images are that were never seen: after Meehan et al. 2020 (arXiv:2004.05675), distances
to the nearest training image are compared with those of held-out images.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_RESAMPLED, _SEED = 200, 2020
_SAME = 1e-4
"""As a share of the usual distance: nearer than this is the same image."""


class Memorisation(NamedTuple):
    """Of distances to the nearest training image.

    Attributes:
        ratio: median over generated images, over that of held-out ones; 1 for a model that makes
            new images, towards 0 for one that repeats its training images.
        error: standard error of the ratio over generated samples (bootstrap).
        copies: generated images whose features are those of a training image.
        close: share of generated images that are nearer than all but one in a hundred held-out
            images; 0.01 for new ones.
    """

    ratio: float
    error: float
    copies: int
    close: float


def memorisation(distances: Tensor, usual: Tensor) -> Memorisation:
    """Compare generated with held-out images.

    Args:
        distances: (N,), from each generated image to the nearest training image.
        usual: (K,), the same of images that the model was not trained on.
    """
    median = usual.median().clamp(min=torch.finfo(torch.float64).tiny)
    draw = torch.Generator().manual_seed(_SEED)
    resampled = torch.stack(
        [
            distances[torch.randint(len(distances), (len(distances),), generator=draw)].median()
            for _ in range(_RESAMPLED)
        ]
    )
    return Memorisation(
        ratio=float(distances.median() / median),
        error=float(resampled.std() / median),
        copies=int((distances <= _SAME * median).sum()),
        close=float((distances < usual.quantile(0.01)).double().mean()),
    )
