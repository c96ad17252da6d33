"""Rows that arrive in batches and may not fit in memory."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError


class Table:
    """Float32 rows in a temporary file, which is deleted after their last use."""

    def __init__(self) -> None:
        with _on_disk():
            self._file = tempfile.TemporaryFile(prefix="genctl-features-")  # noqa: SIM115
        self._shape = (0, 0)

    def add(self, rows: Tensor) -> bool:
        """Write ``rows: (n, d) float32``; returns whether all of them are finite."""
        with _on_disk():
            self._file.write(rows.contiguous().numpy().data)
        self._shape = (self._shape[0] + rows.shape[0], rows.shape[1])
        return bool(rows.isfinite().all())

    def rows(self) -> Tensor:
        """All rows, (N, d), memory-mapped from the file."""
        with _on_disk():
            self._file.flush()
        mapped = np.memmap(self._file, np.float32, "r+", shape=self._shape)
        return torch.from_numpy(mapped)


@contextlib.contextmanager
def _on_disk() -> Iterator[None]:
    """Name the temporary folder where it is full or cannot be written to.

    Raises:
        GenctlError: (FAILURE) it is.
    """
    try:
        yield
    except OSError as error:
        place = tempfile.tempdir or "the temporary folder"
        raise GenctlError(
            ExitStatus.FAILURE,
            f"cannot write features to {place}: {(error.strerror or str(error)).lower()}",
            hint="set TMPDIR to a folder on a disk with more space",
        ) from None
