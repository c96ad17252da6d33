"""A stand-in for the FID weights, which no test may download: seeded, and sane in every layer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genctl.evaluation.extractors.inception.network import CLASSES, FEATURES, InceptionV3, Unit
from genctl.evaluation.extractors.pixels import resize_like_tf1


def random_inception(seed: int = 0) -> dict[str, Tensor]:
    """A state dict with the published file's names and shapes, and random values.

    The batch norms' statistics are those of noise images, layer after layer. Otherwise activations
    would die or explode on the way, and features of different images would hardly differ.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        network = InceptionV3()
    tensors: dict[str, Tensor] = {
        "fc.weight": torch.randn(CLASSES, FEATURES, generator=generator) / FEATURES**0.5,
        "fc.bias": torch.randn(CLASSES, generator=generator),
    }

    def draw(unit: nn.Module, inputs: tuple[Tensor]) -> None:
        """Fill a unit just before its first input arrives, and record what a file would hold."""
        assert isinstance(unit, Unit)
        fan_in = unit.weight[0].numel()
        weight = torch.randn(unit.weight.shape, generator=generator) * (2 / fan_in) ** 0.5
        output = F.conv2d(inputs[0], weight, stride=unit.stride, padding=unit.padding)
        variance, mean = torch.var_mean(output, dim=(0, 2, 3))
        gamma = 1 + 0.1 * torch.randn(unit.out_channels, generator=generator)
        beta = 0.1 * torch.randn(unit.out_channels, generator=generator)
        scale = gamma / (variance + 1e-3).sqrt()
        unit.weight = nn.Parameter(weight * scale[:, None, None, None])
        unit.bias = nn.Parameter(beta - mean * scale)
        names = ("weight", "bias", "running_mean", "running_var")
        for name, value in zip(names, (gamma, beta, mean, variance), strict=True):
            tensors[f"{unit.label}.bn.{name}"] = value
        tensors[f"{unit.label}.bn.num_batches_tracked"] = torch.tensor(1)
        tensors[f"{unit.label}.conv.weight"] = weight

    for unit in network.modules():
        if isinstance(unit, Unit):
            unit.register_forward_pre_hook(draw)
    with torch.inference_mode():
        noise = torch.rand(4, 3, 48, 48, generator=generator) * 2 - 1
        network.features(resize_like_tf1(noise, 299))
    return {name: tensor.clone() for name, tensor in tensors.items()}
