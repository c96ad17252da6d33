"""Whether this machine rounds as the one did that recorded a set of test data.

Bits depend on the version of torch and on the kernels that it picks for the processor. Nothing
here depends on genctl, so a change of genctl cannot turn an exact comparison into a lenient one.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor


def fingerprint() -> str:
    """Hex digest of torch's version, the processor, and what torch computes on one thread."""
    digest = hashlib.sha256()
    digest.update(torch.__version__.encode())
    digest.update(torch.backends.cpu.get_cpu_capability().encode())
    digest.update(_processor().encode())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for result in _results():
            digest.update(result.detach().contiguous().numpy().tobytes())
    finally:
        torch.set_num_threads(threads)
    return digest.hexdigest()


def _processor() -> str:
    """Its kind and what it can do; of other systems than Linux only its kind."""
    wanted = ("vendor_id", "cpu family", "model\t", "flags")
    place = Path("/proc/cpuinfo")
    lines = place.read_text("utf-8").splitlines() if place.is_file() else []
    found = sorted({line for line in lines if line.startswith(wanted)})
    return "\n".join(found) or platform.machine()


def _results() -> Iterator[Tensor]:
    """Outputs and gradients of the operations that the recorded networks are made of."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, 8, 28, 28, generator=generator)
    kernels = torch.randn(16, 8, 3, 3, generator=generator, requires_grad=True)
    rows = torch.randn(64, 48, generator=generator)
    matrix = torch.randn(48, 40, generator=generator, requires_grad=True)
    features = F.silu(F.group_norm(F.conv2d(images, kernels, padding=1), 4))
    scores = torch.log_softmax(F.rms_norm(rows, (48,)) @ matrix, dim=1)
    queries, keys, values = rows.view(3, 4, 16, 16)
    mixed = F.scaled_dot_product_attention(queries, keys, values)
    (features.square().mean() + scores.square().mean()).backward()
    assert kernels.grad is not None
    assert matrix.grad is not None
    yield from (features, scores, mixed, kernels.grad, matrix.grad, rows.exp(), rows.sin())
