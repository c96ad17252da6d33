"""Features of the bundled digit classifiers, for ``fd[digits]`` and ``is[digits]``."""

from __future__ import annotations

import torch
from torch import Tensor

from genctl.evaluation.extractors.base import Origin
from genctl.evaluation.extractors.digit_net import (
    DIGIT_MONITOR_SHA256,
    DIGIT_NET_SHA256,
    FEATURES,
    DigitClassifier,
    load_digit_monitor,
    load_digit_net,
)
from genctl.evaluation.extractors.pixels import resize, to_grey


class DigitsExtractor:
    """`DigitNet` on 28x28 grey images: colours become luma, other sizes are resized.

    Raises:
        GenctlError: (DATA) the bundled weights are damaged.
    """

    name = "digits"
    origin: Origin = "bundled"
    sha256 = DIGIT_NET_SHA256
    dim = FEATURES
    batch_size = 256
    size = 28
    precision = "fp32"
    protocol = "luma-bilinear-28"

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._device = torch.device(device)
        self._net = self._load().to(self._device)

    def _load(self) -> DigitClassifier:
        return load_digit_net()

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, 1, 28, 28) uint8``; light and dark are not inverted."""
        grey = resize(to_grey(images.to(self._device)), self.size)
        return grey.round().clamp(0, 255).to(torch.uint8)

    def features(self, inputs: Tensor) -> Tensor:
        """``(B, 64) float32``, standardised on real digits."""
        return self._net.features(inputs)

    def logits(self, features: Tensor) -> Tensor:
        """``(B, 10) float32``."""
        return self._net.logits(features.to(self._device))


class DigitMonitorExtractor(DigitsExtractor):
    """`DigitMonitor`, which chooses checkpoints, on the same images."""

    name = "digits-monitor"
    sha256 = DIGIT_MONITOR_SHA256

    def _load(self) -> DigitClassifier:
        return load_digit_monitor()
