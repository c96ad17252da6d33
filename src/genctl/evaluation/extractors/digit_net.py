"""The bundled digit classifiers: features for Fréchet distances, and class probabilities.

Evaluations use `DigitNet`, as ``fd[digits]``. `DigitMonitor` has another architecture and seed. It
chooses the best checkpoint of a training, so that the network that chose a model does not also
score it. ``tools/train_digit_net.py`` trained both on the train split of the bundled digits only,
so neither they nor the models that they score have seen the test split.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TypeVar

import safetensors.torch
from torch import Tensor, nn

from genctl.errors import ExitStatus, GenctlError

DIGIT_NET_SHA256 = "f4ae679a72e350febd414af4ba839e9b5a4025d495b22cf127e1a416b4b315d6"
DIGIT_MONITOR_SHA256 = "a242d46036b96fcc5f1439eaaa06bc2afd1ff19b2233d426591a31448d91dec5"
FEATURES = 64
CLASSES = 10


class DigitClassifier(nn.Module):
    """A trunk from 28x28 digits to features, and a head from those to classes.

    The features are standardised (the trunk ends in a batch norm without affine parameters), so
    each has mean 0 and variance 1 on the training digits. This sets the scale of Fréchet distances:
    the features' total variance is their number, 64.
    """

    def __init__(self, trunk: nn.Sequential) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, CLASSES))

    def features(self, images: Tensor) -> Tensor:
        """The layer before the classifier's last: ``(B, 1, 28, 28) uint8`` to ``(B, 64) float32``.

        Digits are light (255) on dark (0).
        """
        features: Tensor = self.trunk(images.float() / 127.5 - 1)
        return features

    def logits(self, features: Tensor) -> Tensor:
        """Unnormalised class log-probabilities: ``(B, 64)`` features to ``(B, 10) float32``."""
        logits: Tensor = self.head(features)
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Unnormalised class log-probabilities ``(B, 10)`` of ``(B, 1, 28, 28) uint8``."""
        return self.logits(self.features(images))


class DigitNet(DigitClassifier):
    """Plain convolutions: 0.2M parameters, 11 MFLOP per image."""

    def __init__(self) -> None:
        super().__init__(
            nn.Sequential(
                _block(1, 32, kernel_size=5, stride=2),
                _block(32, 32, kernel_size=3, stride=1),
                _block(32, 64, kernel_size=3, stride=2),
                _block(64, 64, kernel_size=3, stride=1),
                _block(64, 96, kernel_size=3, stride=2),
                nn.Flatten(),
                nn.Linear(96 * 4 * 4, FEATURES, bias=False),
                nn.BatchNorm1d(FEATURES, affine=False),
            )
        )


class DigitMonitor(DigitClassifier):
    """Squares of 4x4 pixels, mixed by depthwise and 1x1 convolutions: 0.1M parameters.

    The design follows Trockman and Kolter 2022 (ConvMixer, arXiv:2201.09792).
    """

    def __init__(self, width: int = 48, depth: int = 4) -> None:
        super().__init__(
            nn.Sequential(
                nn.Conv2d(1, width, 4, stride=4),
                nn.GELU(),
                nn.BatchNorm2d(width),
                *(_Mixer(width) for _ in range(depth)),
                nn.Conv2d(width, 20, 1),
                nn.Flatten(),
                nn.Linear(20 * 7 * 7, FEATURES, bias=False),
                nn.BatchNorm1d(FEATURES, affine=False),
            )
        )


class _Mixer(nn.Module):
    """A depthwise 5x5 convolution with a shortcut, then a 1x1 convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.across = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.between = nn.Conv2d(width, width, 1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])

    def forward(self, x: Tensor) -> Tensor:
        """``(B, width, H, W)`` to the same."""
        x = x + self.norms[0](nn.functional.gelu(self.across(x)))
        mixed: Tensor = self.norms[1](nn.functional.gelu(self.between(x)))
        return mixed


def _block(in_channels: int, out_channels: int, *, kernel_size: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def load_digit_net() -> DigitNet:
    """The trained `DigitNet` on the CPU, in eval mode and without gradients.

    Raises:
        GenctlError: (DATA) the bundled weights are not the ones genctl was released with.
    """
    return _loaded(DigitNet(), "digit_net.safetensors", DIGIT_NET_SHA256)


def load_digit_monitor() -> DigitMonitor:
    """The trained `DigitMonitor`, in the same state as `load_digit_net`.

    Raises:
        GenctlError: (DATA) as `load_digit_net`.
    """
    return _loaded(DigitMonitor(), "digit_monitor.safetensors", DIGIT_MONITOR_SHA256)


N = TypeVar("N", bound=DigitClassifier)


def _loaded(net: N, name: str, sha256: str) -> N:
    content = resources.files("genctl.evaluation.extractors").joinpath(name).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise GenctlError(
            ExitStatus.DATA,
            f"a bundled digit network is damaged: {name} has the wrong checksum",
            hint="python -m pip install --force-reinstall --no-deps genctl",
        )
    net.load_state_dict(safetensors.torch.load(content))
    return net.eval().requires_grad_(False)
