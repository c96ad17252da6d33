"""The bytes of a file, unpacked if its name says that it is packed."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from genctl.errors import ExitStatus, GenctlError

PIECE_BYTES = 1 << 20
_PACKED: Mapping[str, Callable[[Path], object]] = {".gz": gzip.open, ".xz": lzma.open}
_UNREADABLE = (OSError, EOFError, lzma.LZMAError, zlib.error)

PACKED = tuple(_PACKED)
"""Suffixes of packed files."""


def blocks(path: Path, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """All of a file, up to ``size`` bytes at a time.

    Raises:
        GenctlError: (DATA) the file cannot be read or unpacked.
    """
    try:
        with cast("BinaryIO", _PACKED.get(path.suffix.lower(), _plain)(path)) as file:
            while block := file.read(size):
                yield block
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def head(path: Path, size: int) -> bytes:
    """The first ``size`` bytes of a file, or all of it.

    Raises:
        GenctlError: (DATA) the file cannot be read or unpacked.
    """
    found = b""
    for block in blocks(path, size):
        found += block
        if len(found) >= size:
            break
    return found[:size]


def without_packing(path: Path) -> Path:
    """The path without the suffix of its packing."""
    return path.with_suffix("") if is_packed(path) else path


def is_packed(path: Path) -> bool:
    """Whether the name says that the file is packed."""
    return path.suffix.lower() in _PACKED


def _plain(path: Path) -> BinaryIO:
    return path.open("rb")


def _unreadable(path: Path, error: Exception) -> GenctlError:
    if is_packed(path) and getattr(error, "errno", None) is None:
        return GenctlError(
            ExitStatus.DATA, f"{path} cannot be unpacked: {error}", hint="copy or download it again"
        )
    reason = getattr(error, "strerror", None) or str(error)
    return GenctlError(ExitStatus.DATA, f"cannot read {path}: {reason}")
