"""The Inception Score: how confident a classifier is on each image, and how varied the classes."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError

SPLITS = 10
SHUFFLE_SEED = 2020
"""The seed of torch-fidelity, so that both tools put the same images into the same split."""


class InceptionScore(NamedTuple):
    """Mean and standard deviation (ddof 0) over the splits, the two numbers papers report."""

    mean: float
    deviation: float


def inception_score(
    logits: Tensor, *, splits: int = SPLITS, seed: int = SHUFFLE_SEED
) -> InceptionScore:
    """``exp(mean KL(p(y|x) || p(y)))`` over each split (Salimans et al. 2016, arXiv:1606.03498, 4).

    The images are shuffled first. Otherwise a generator that goes through its classes in order
    would put one class into each split, and score near 1 however good it is.

    Args:
        logits: ``(N, K)`` unnormalised class log-probabilities, N at least ``splits``.
        splits: parts of nearly equal size.
        seed: the seed of the shuffle.

    Raises:
        GenctlError: (USAGE) fewer images than splits.
    """
    count = len(logits)
    if count < splits:
        raise GenctlError(
            ExitStatus.USAGE,
            f"an Inception Score needs at least {splits} images, and there are {count}",
            option="n",
            suggest=2000,
        )
    # NumPy promises never to change the stream of its legacy generator.
    order = np.random.RandomState(seed).permutation(count)
    log_p = logits.double().log_softmax(dim=1)[torch.from_numpy(order)]
    bounds = [i * count // splits for i in range(splits + 1)]
    scores = torch.stack([_score(log_p[low:high]) for low, high in pairwise(bounds)])
    return InceptionScore(scores.mean().item(), scores.std(correction=0).item())


def _score(log_p: Tensor) -> Tensor:
    """The score of one split, in [1, K], from ``(n, K)`` log-probabilities."""
    p = log_p.exp()
    marginal = p.mean(dim=0).log()
    # If the probability of a class is 0 in all images, the term is 0 · log(0 / 0), in the limit 0.
    divergence = torch.where(p > 0, p * (log_p - marginal), 0.0).sum(dim=1)
    return divergence.mean().exp()
