"""The bundled digit classifier: features for ``fd[digits]`` and class probabilities for scores.

It was trained by ``tools/train_digit_net.py`` on the train split of the bundled digits only, so
the test split stays unseen by the network as well as by the models it judges.
"""

from __future__ import annotations

import hashlib
from importlib import resources

import safetensors.torch
from torch import Tensor, nn

from genctl.errors import ExitStatus, GenctlError

DIGIT_NET_SHA256 = "f4ae679a72e350febd414af4ba839e9b5a4025d495b22cf127e1a416b4b315d6"
FEATURES = 64
CLASSES = 10


class DigitNet(nn.Module):
    """A plain convolutional classifier of 28x28 digits: 0.2M parameters, 11 MFLOP an image.

    The features are standardised (a batch norm without affine parameters), so on the digits it
    was trained on each has mean 0 and variance 1, and Fréchet distances have a scale of their own:
    the features' total variance is their number, 64.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            _block(1, 32, kernel_size=5, stride=2),
            _block(32, 32, kernel_size=3, stride=1),
            _block(32, 64, kernel_size=3, stride=2),
            _block(64, 64, kernel_size=3, stride=1),
            _block(64, 96, kernel_size=3, stride=2),
            nn.Flatten(),
            nn.Linear(96 * 4 * 4, FEATURES, bias=False),
            nn.BatchNorm1d(FEATURES, affine=False),
        )
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


def _block(in_channels: int, out_channels: int, *, kernel_size: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def load_digit_net() -> DigitNet:
    """The trained network on the CPU, in eval mode and without gradients.

    Raises:
        GenctlError: (DATA) the bundled weights are not the ones genctl was released with.
    """
    content = resources.files("genctl.evaluation").joinpath("digit_net.safetensors").read_bytes()
    if hashlib.sha256(content).hexdigest() != DIGIT_NET_SHA256:
        raise GenctlError(
            ExitStatus.DATA,
            "the bundled digit network is damaged: "
            "genctl/evaluation/digit_net.safetensors has the wrong checksum",
            hint="python -m pip install --force-reinstall --no-deps genctl",
        )
    net = DigitNet()
    net.load_state_dict(safetensors.torch.load(content))
    return net.eval().requires_grad_(False)
