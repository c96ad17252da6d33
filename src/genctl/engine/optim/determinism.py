"""The same bits every time on a GPU, perhaps at the price of speed."""

from __future__ import annotations

import os

import torch


def be_deterministic() -> None:
    """Let torch take only operations that give the same bits, as far as it has them.

    An operation that has no such form is named in a warning. On a CPU nothing changes: it gives the
    same bits with the same threads anyway.
    """
    # Read when cuBLAS is first used; without it matrix products may take turns differently.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
