"""Reads the Inception network of FID from a weight file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.inception.network import CLASSES, FEATURES, InceptionV3, Unit
from genctl.evaluation.extractors.inception.weights import URLS
from genctl.evaluation.extractors.tensor_file import read_tensors

_BATCH_NORM_EPS = 1e-3
_WRAPPERS = ("module.", "inception.", "model.")
# pytorch-fid's own module numbers the layers: blocks.<i>.<j>.
_BLOCKS = (
    ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"),
    ("Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    (
        "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a",
        "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e",
    ),
    ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
)  # fmt: skip
_NUMBERED = {
    f"blocks.{i}.{j}": layer for i, block in enumerate(_BLOCKS) for j, layer in enumerate(block)
}


def load_network(path: Path) -> InceptionV3:
    """The network of a weight file, in eval mode, without gradients, on the CPU.

    It reads ``.safetensors`` and PyTorch files (tensors only), in torchvision's naming or
    pytorch-fid's ``blocks.i.j``. A wrapper's prefix is allowed, and ``fc`` may be missing.

    Raises:
        GenctlError: (DATA) the file is absent, unreadable, or holds other weights.
    """
    found = read_tensors(path, hint=f"name the file of {URLS[0]}")
    tensors = {_canonical_name(name): tensor for name, tensor in found.items()}
    with torch.device("meta"):
        network = InceptionV3()
    try:
        for unit in network.modules():
            if isinstance(unit, Unit):
                _fill(unit, tensors)
        network.class_weights = (
            nn.Parameter(_tensor(tensors, "fc.weight", (CLASSES, FEATURES)).float())
            if "fc.weight" in tensors
            else None
        )
    except ValueError as error:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} does not hold the weights of the FID Inception network: {error}",
            hint=f"the published file is {URLS[0]}",
        ) from None
    return network.eval().requires_grad_(False)


def _canonical_name(name: str) -> str:
    while name.startswith(_WRAPPERS):
        name = name.partition(".")[2]
    *layer, rest = name.split(".", 3)
    numbered = ".".join(layer)
    return f"{_NUMBERED[numbered]}.{rest}" if numbered in _NUMBERED else name


def _fill(unit: Unit, tensors: Mapping[str, Tensor]) -> None:
    """Set the convolution of a unit by its label, with the batch norm's statistics folded in."""
    weight = _tensor(tensors, f"{unit.label}.conv.weight", unit.weight.shape)
    gamma, beta, mean, variance = (
        _tensor(tensors, f"{unit.label}.bn.{part}", (unit.out_channels,))
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / (variance + _BATCH_NORM_EPS).sqrt()
    folded = (weight * scale[:, None, None, None]).float()
    unit.weight = nn.Parameter(folded.contiguous(memory_format=torch.channels_last))
    unit.bias = nn.Parameter((beta - mean * scale).float())


def _tensor(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    if name not in tensors:
        raise ValueError(f"it lacks {name}")
    if tensors[name].shape != shape:
        raise ValueError(f"{name} is {tuple(tensors[name].shape)} instead of {tuple(shape)}")
    return tensors[name].double()
