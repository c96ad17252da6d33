"""Runs a sampler in chunks, with separate noise for each sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genctl.contracts import Batch, Noise, Sampler
from genctl.engine.sampling.noise import KeyedNoise, PathNoise
from genctl.errors import is_out_of_memory


def sample_chunks(
    sampler: Sampler,
    request: Any,
    n: int,
    *,
    seed: int,
    places: Sequence[int] | None = None,
    labels: Sequence[int] = (),
    given: Mapping[str, Tensor] | None = None,
    between: bool = False,
    batch_size: int = 64,
    device: torch.device | str = "cpu",
) -> Iterator[Tensor]:
    """Samples 0 to n - 1 in chunks of at most ``batch_size`` rows, in order.

    Sample k gets ``labels[k % len(labels)]`` and noise that depends on ``seed`` and k alone, so
    it is the same in a chunk of any size. If memory runs out, all later chunks have half the size.

    Args:
        places: the indices of the samples to generate; all when None.
        given: conditions that all samples share, without a batch axis: key -> tensor.
        between: generate an interpolation instead: the noise of sample k is interpolated between
            that of samples 0 and 1 at k / (n - 1), and every label is that of sample 0.

    Yields:
        What the sampler returns, e.g. images (rows, C, H, W) float in about [-1, 1].
    """

    def chunk(indices: Sequence[int]) -> Tensor:
        noise: Noise = KeyedNoise(("sample", seed), indices, device=device)
        if between:
            ends = KeyedNoise(("sample", seed), (0, 1), device=device)
            noise = PathNoise(ends, indices, [k / max(1, n - 1) for k in indices])
        condition = Batch({}, indices)
        for key, tensor in (given or {}).items():
            condition[key] = tensor.to(device).expand(len(indices), *tensor.shape)
        if labels:
            chosen = [labels[0 if between else k % len(labels)] for k in indices]
            condition["label"] = torch.tensor(chosen, device=device)
        with torch.inference_mode():
            return sampler.sample(request, condition, noise)

    return _chunks(chunk, range(n) if places is None else places, batch_size)


def _chunks(
    chunk: Callable[[Sequence[int]], Tensor], wanted: Sequence[int], size: int
) -> Iterator[Tensor]:
    while wanted:
        made = _tried(chunk, wanted[:size])
        if made is None:
            size = min(size, len(wanted)) // 2
        else:
            yield made
            wanted = wanted[size:]


def _tried(chunk: Callable[[Sequence[int]], Tensor], indices: Sequence[int]) -> Tensor | None:
    """The chunk; None if memory is not enough for its rows, and fewer rows can be tried."""
    try:
        return chunk(indices)
    except RuntimeError as error:
        if not is_out_of_memory(error) or len(indices) == 1:
            raise
    # Only here is all memory of the failed attempt released.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None
