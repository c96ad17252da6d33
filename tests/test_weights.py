from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from genctl import weights
from genctl.errors import ExitStatus, GenctlError


def test_tensors_come_back_bit_for_bit(tmp_path: Path) -> None:
    tensors = {
        "float": torch.randn(3, 4),
        "bf16": torch.randn(5).bfloat16(),
        "empty": torch.empty(0),
        "scalar": torch.tensor(3),
        "strided": torch.randn(4, 4).T,
    }
    weights.save_tensors(tmp_path / "w.safetensors", tensors)
    found = weights.load_tensors(tmp_path / "w.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert weights.sha256_of_tensors(found) == weights.sha256_of_tensors(tensors)


def test_tied_weights_are_stored_once_and_come_back_under_both_names(tmp_path: Path) -> None:
    path, shared = tmp_path / "w.safetensors", torch.randn(1000)
    weights.save_tensors(path, {"a": shared, "b": shared})
    assert path.stat().st_size < 5000
    assert torch.equal(weights.load_tensors(path)["b"], shared)


def test_the_identity_of_weights_is_their_names_shapes_and_values() -> None:
    base = {"a": torch.zeros(2, 2)}
    others = [{"b": torch.zeros(2, 2)}, {"a": torch.zeros(4)}, {"a": torch.ones(2, 2)}]
    digests = {weights.sha256_of_tensors(tensors) for tensors in (base, *others)}
    assert len(digests) == 4


def test_weights_that_do_not_fit_are_refused() -> None:
    modules = {"net": nn.Linear(2, 2), "other": nn.Linear(1, 1)}
    tensors = weights.flatten({"net": nn.Linear(2, 2)})
    assert weights.load_into(modules, tensors) == ["net"]
    assert torch.equal(modules["net"].weight, tensors["net.weight"])
    with pytest.raises(GenctlError, match="do not fit 'net'") as refused:
        weights.load_into(modules, {"net.weight": torch.zeros(3, 3)})
    assert refused.value.code == ExitStatus.DATA
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 64])
def test_files_that_are_no_weights(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(GenctlError, match="is not readable weights"):
        weights.load_tensors(path)
    with pytest.raises(GenctlError, match="no weights at"):
        weights.load_tensors(tmp_path / "absent")
