from __future__ import annotations

import pytest
import torch

from genctl.engine.optim import precision
from genctl.engine.optim.precision import resolve_precision
from genctl.errors import GenctlError

CPU = torch.device("cpu")


@pytest.mark.parametrize("fast", [True, False])
def test_a_preset_gets_bf16_where_the_cpu_multiplies_it(
    fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda: fast)
    assert resolve_precision("bf16", CPU, by_preset=True) == ("bf16" if fast else "fp32")
    assert resolve_precision("bf16", CPU) == "bf16"  # whoever asks for it gets it
    assert resolve_precision("auto", CPU, by_preset=True) == "fp32"


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": False}, False),
        ({"architecture": "aarch64"}, False),
    ],
)
def test_what_multiplies_bf16(
    capabilities: dict[str, object], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert precision.multiplies_bf16() is fast


def test_a_torch_that_does_not_say_what_the_cpu_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert precision.multiplies_bf16() is False


def test_fp16_needs_a_gpu() -> None:
    with pytest.raises(GenctlError, match="needs a CUDA device"):
        resolve_precision("fp16", CPU)
