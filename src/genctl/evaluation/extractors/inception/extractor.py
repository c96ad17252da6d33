"""Inception-v3 features, preprocessed as in the papers that report FID."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.evaluation.extractors.base import Origin
from genctl.evaluation.extractors.inception.network import FEATURES
from genctl.evaluation.extractors.inception.reader import load_network
from genctl.evaluation.extractors.inception.weights import SHA256
from genctl.evaluation.extractors.pixels import to_rgb
from genctl.evaluation.extractors.protocols import DEFAULT, find_protocol
from genctl.weights import sha256_of


class InceptionExtractor:
    """The 2048 pool features of Inception-v3, from a weight file that the user provides.

    Args:
        path: the weights (see `load_network`).
        device: where to compute.
        protocol: the resizing and scaling, one of `PROTOCOLS`.
        halved: whether it will compute in bfloat16, which needs another memory layout.

    Raises:
        GenctlError: (DATA) the file is absent, unreadable, or holds other weights; (USAGE) an
            unknown protocol.
    """

    name = "inception"
    dim = FEATURES
    size = 299
    precision = "fp32"

    def __init__(
        self,
        path: Path,
        device: torch.device | str = "cpu",
        protocol: str = DEFAULT,
        *,
        halved: bool = False,
    ) -> None:
        self.protocol, self._prepare = find_protocol(protocol)
        self._device = torch.device(device)
        on_cpu = self._device.type == "cpu"
        # On GPUs, float32 without TF32 is 1.5 times as fast with channels first.
        self._layout = torch.channels_last if on_cpu or halved else torch.contiguous_format
        self._network = load_network(path).to(self._device)
        self._network.to(memory_format=self._layout)  # type: ignore[call-overload]
        self.sha256 = sha256_of(path)
        self.origin: Origin = "canonical" if self.sha256 == SHA256 else "custom"
        self.batch_size = 16 if on_cpu else 128

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, 3, 299, 299) float32``, about [-1, 1], preprocessed by the protocol."""
        rgb = to_rgb(images.to(self._device)).float()
        return self._prepare(rgb, self.size).contiguous(memory_format=self._layout)

    def features(self, inputs: Tensor) -> Tensor:
        """``(B, 2048) float32``."""
        features: Tensor = self._network.features(inputs)
        return features

    def logits(self, features: Tensor) -> Tensor:
        """``(B, 1008) float32`` logits without the bias, as in the published Inception Score.

        Raises:
            GenctlError: (DATA) the weight file has no classifier.
        """
        weights = self._network.class_weights
        if weights is None:
            raise GenctlError(
                ExitStatus.DATA,
                "these Inception weights have no classifier (fc.weight), which `is` needs",
                hint="use the published weight file",
                option="extractor_weights",
                suggest=Suggestion("eval", args=("fid",)),
            )
        return torch.mm(features.to(self._device), weights.T)
