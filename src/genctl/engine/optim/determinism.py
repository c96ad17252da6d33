"""The same bits every time on a GPU, perhaps at the price of speed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@contextlib.contextmanager
def determinism(wanted: bool) -> Iterator[None]:
    """Inside the block torch takes only operations that give the same bits, as far as it has them.

    An operation without such a form is named in a warning. On a CPU nothing changes: it gives the
    same bits with the same threads anyway. Outside the block everything is as it was before.

    Args:
        wanted: whether to change anything.
    """
    if not wanted:
        yield
        return
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    workspace = os.environ.get(_CUBLAS)
    # Read when cuBLAS is first used; without it matrix products may take turns differently.
    os.environ.setdefault(_CUBLAS, ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
        if workspace is None:
            os.environ.pop(_CUBLAS, None)
