"""Which algorithms a GPU uses: the fastest, or those that give the same bits every time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@contextlib.contextmanager
def determinism(wanted: bool) -> Iterator[None]:
    """Let torch use the algorithms that are wanted inside the block.

    Deterministic operations give the same bits every time, as far as torch has them; a warning
    names an operation that has none. Otherwise cuDNN tries its algorithms for each new shape and
    keeps the fastest, which may be another one after a restart. On a CPU nothing changes: it gives
    the same bits with the same number of threads anyway. After the block the previous settings are
    restored.

    Args:
        wanted: whether to use deterministic operations.
    """
    benchmark = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = not wanted
    try:
        with _deterministic() if wanted else contextlib.nullcontext():
            yield
    finally:
        torch.backends.cudnn.benchmark = benchmark


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    workspace = os.environ.get(_CUBLAS)
    # cuBLAS reads it at its first use; without it the order of sums in matrix products may vary.
    os.environ.setdefault(_CUBLAS, ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        if workspace is None:
            os.environ.pop(_CUBLAS, None)
