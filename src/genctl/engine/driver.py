"""The one way to run a sampler: in chunks, each sample with noise of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from genctl.contracts import Batch, Sampler
from genctl.engine.noise import KeyedNoise


def sample_chunks(
    sampler: Sampler,
    request: Any,
    n: int,
    *,
    seed: int,
    labels: Sequence[int] = (),
    batch_size: int = 64,
    device: torch.device | str = "cpu",
) -> Iterator[Tensor]:
    """Samples 0 to n - 1 in chunks of at most ``batch_size`` rows, in order.

    Sample k gets ``labels[k % len(labels)]`` and noise that depends on ``seed`` and k alone, so
    it is the same in a chunk of any size.

    Yields:
        What the sampler returns, e.g. images (rows, C, H, W) float in about [-1, 1].
    """
    for start in range(0, n, batch_size):
        indices = range(start, min(start + batch_size, n))
        noise = KeyedNoise(("sample", seed), indices, device=device)
        condition = Batch({}, indices)
        if labels:
            chosen = [labels[k % len(labels)] for k in indices]
            condition["label"] = torch.tensor(chosen, device=device)
        with torch.inference_mode():
            yield sampler.sample(request, condition, noise)
