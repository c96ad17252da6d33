"""The preprocessing of tools that report FID: four protocols that do not agree.

All of them use the same weights, so a value means nothing without its protocol. Parmar et al. 2022
(arXiv:2104.11222) show how much they differ; genctl reproduces each under a name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from genctl.errors import unknown
from genctl.evaluation.extractors.pixels import resize, resize_like_tf1

DEFAULT = "tf"


class Protocol(NamedTuple):
    """A preprocessing of images to network inputs.

    Attributes:
        tag: its name in signatures.
        prepare: ``(B, 3, H, W) float32`` in [0, 255] to (B, 3, size, size), about [-1, 1].
    """

    tag: str
    prepare: Callable[[Tensor, int], Tensor]


def _tf(images: Tensor, size: int) -> Tensor:
    return (resize_like_tf1(images, size) - 128) / 128


def _pytorch_fid(images: Tensor, size: int) -> Tensor:
    scaled = F.interpolate(images / 255, (size, size), mode="bilinear", align_corners=False)
    return 2 * scaled - 1


def _clean(images: Tensor, size: int) -> Tensor:
    """Pillow's bicubic filter on floats, which has the same coefficients (a = -0.5)."""
    if images.shape[-2:] != (size, size):
        images = F.interpolate(images, (size, size), mode="bicubic", antialias=True)
    return (images.clamp(0, 255) - 128) / 128


def _torchmetrics(images: Tensor, size: int) -> Tensor:
    return (resize(images, size) - 128) / 128


PROTOCOLS: Mapping[str, Protocol] = {
    # torch-fidelity, TTUR, and the evaluators of ADM, StyleGAN and EDM.
    "tf": Protocol("rgb-tf1-299", _tf),
    "pytorch-fid": Protocol("rgb-half-pixel-299", _pytorch_fid),
    "clean": Protocol("rgb-bicubic-299", _clean),
    # Since its version 1.8.
    "torchmetrics": Protocol("rgb-antialias-299", _torchmetrics),
}


def find_protocol(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
        GenctlError: (USAGE) there is no such protocol.
    """
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS, option="protocol")
    return PROTOCOLS[name]
