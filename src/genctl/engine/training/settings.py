"""The settings that are chosen once for a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunSettings:
    """The settings that are chosen at the first start of a run, and used at every start.

    Attributes:
        seed: the seed of all randomness.
        batch_size: examples in an optimizer step of one phase.
        micro_batch: examples at a time; fewer after memory has run out.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        precision: ``fp32``, ``bf16`` or ``fp16``.
        threads: number of torch's CPU threads.
        clip: largest gradient norm; 0: none.
        compile: whether blocks are compiled; false after the compiler has failed.
        recompute: whether blocks are gradient-checkpointed.
        shard: whether several ranks shard weights, EMA copies and optimizer states.
        deterministic: whether a GPU must give the same bits every time.
    """

    seed: int
    batch_size: int
    micro_batch: int
    device: str
    precision: str
    threads: int
    clip: float = 0.0
    compile: bool = False
    recompute: bool = False
    shard: bool = False
    deterministic: bool = False


def largest_divisor(whole: int, at_most: int) -> int:
    """The largest divisor of ``whole`` that is at most ``at_most``, a number above 0."""
    return max(k for k in range(1, at_most + 1) if whole % k == 0)
