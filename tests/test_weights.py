from __future__ import annotations

import errno
import struct
from pathlib import Path

import pytest
import torch

from genctl.errors import ExitStatus, GenctlError
from genctl.weights import MAX_HEADER_BYTES, load_tensors, save_tensors, sizes_in


def test_sizes_by_module_from_the_header(tmp_path: Path) -> None:
    tied = torch.zeros(3, 4)
    tensors = {"a.x": tied, "a.y": tied, "a.z": torch.tensor(1.0), "b.x.w": torch.zeros(2, 0)}
    save_tensors(tmp_path / "w.safetensors", tensors)
    assert sizes_in(tmp_path / "w.safetensors") == {"a": 13, "b": 0}


def test_a_header_beyond_measure_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", MAX_HEADER_BYTES + 1) + b"{" + b" " * MAX_HEADER_BYTES)
    with pytest.raises(GenctlError, match="a header of 10000001 bytes is claimed") as caught:
        load_tensors(path)
    assert caught.value.code is ExitStatus.DATA


def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="POSIX alone limits the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            save_tensors(tmp_path / "w.safetensors", {"a": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
