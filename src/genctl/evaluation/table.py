"""Rows that arrive in batches and may not fit in memory."""

from __future__ import annotations

import tempfile

import numpy as np
import torch
from torch import Tensor


class Table:
    """Float32 rows in a temporary file, which is deleted after their last use."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="genctl-features-")  # noqa: SIM115
        self._shape = (0, 0)

    def add(self, rows: Tensor) -> bool:
        """Write ``rows: (n, d) float32``; returns whether all of them are finite."""
        self._file.write(rows.contiguous().numpy().data)
        self._shape = (self._shape[0] + rows.shape[0], rows.shape[1])
        return bool(rows.isfinite().all())

    def rows(self) -> Tensor:
        """All rows, (N, d), memory-mapped from the file."""
        self._file.flush()
        mapped = np.memmap(self._file, np.float32, "r+", shape=self._shape)
        return torch.from_numpy(mapped)
