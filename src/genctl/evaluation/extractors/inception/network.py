"""The Inception-v3 that the Fréchet Inception Distance is defined by, with folded batch norms.

It is the network of Szegedy et al. 2016 (arXiv:1512.00567) as frozen in TensorFlow's graph of
2015-12-05, which Heusel et al. 2017 (arXiv:1706.08500) used for FID. It differs from torchvision's
Inception-v3: average pools exclude the padding, the last block uses max pooling, batch norm has
eps 1e-3, and there are 1008 classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES = 2048
CLASSES = 1008


class Unit(nn.Conv2d):
    """Convolution and ReLU; `label` is its name in weight files.

    The bias replaces the batch norm that follows the convolution in the weight file.
    """

    def __init__(
        self,
        label: str,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int] = 1,
        *,
        stride: int = 1,
        valid: bool = False,
    ) -> None:
        height, width = (kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size
        padding = (0, 0) if valid else (height // 2, width // 2)
        super().__init__(in_channels, out_channels, (height, width), stride, padding)
        self.label = label

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x), inplace=True)


class Parallel(nn.Module):
    """Parallel paths from one input; their outputs are concatenated along the channels."""

    def __init__(self, *paths: nn.Module) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([path(x) for path in self.paths], dim=1)


class InceptionV3(nn.Module):
    """Images to pool features, and those to class scores.

    It is built without values; `inception_reader.load_network` fills it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            Unit("Conv2d_1a_3x3", 3, 32, 3, stride=2, valid=True),
            Unit("Conv2d_2a_3x3", 32, 32, 3, valid=True),
            Unit("Conv2d_2b_3x3", 32, 64, 3),
            nn.MaxPool2d(3, stride=2),
            Unit("Conv2d_3b_1x1", 64, 80),
            Unit("Conv2d_4a_3x3", 80, 192, 3, valid=True),
            nn.MaxPool2d(3, stride=2),
            _mixed_35("Mixed_5b", 192, pooled=32),
            _mixed_35("Mixed_5c", 256, pooled=64),
            _mixed_35("Mixed_5d", 288, pooled=64),
            _shrink_to_17("Mixed_6a", 288),
            _mixed_17("Mixed_6b", 128),
            _mixed_17("Mixed_6c", 160),
            _mixed_17("Mixed_6d", 160),
            _mixed_17("Mixed_6e", 192),
            _shrink_to_8("Mixed_7a", 768),
            _mixed_8("Mixed_7b", 1280, _average_pool()),
            _mixed_8("Mixed_7c", 2048, nn.MaxPool2d(3, stride=1, padding=1)),
        )
        # The logits of the Inception Score have no bias, as in its graph.
        self.class_weights: nn.Parameter | None = nn.Parameter(torch.empty(CLASSES, FEATURES))

    def features(self, x: Tensor) -> Tensor:
        """``(B, 2048)`` pool features of ``x: (B, 3, 299, 299) float32``, about [-1, 1]."""
        maps: Tensor = self.trunk(x)
        return maps.mean(dim=(2, 3))


def _average_pool() -> nn.Module:
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def _mixed_35(name: str, channels: int, *, pooled: int) -> Parallel:
    """A block on 35x35 maps (Szegedy et al. 2016, figure 5)."""
    return Parallel(
        Unit(f"{name}.branch1x1", channels, 64),
        nn.Sequential(
            Unit(f"{name}.branch5x5_1", channels, 48),
            Unit(f"{name}.branch5x5_2", 48, 64, 5),
        ),
        nn.Sequential(
            Unit(f"{name}.branch3x3dbl_1", channels, 64),
            Unit(f"{name}.branch3x3dbl_2", 64, 96, 3),
            Unit(f"{name}.branch3x3dbl_3", 96, 96, 3),
        ),
        nn.Sequential(_average_pool(), Unit(f"{name}.branch_pool", channels, pooled)),
    )


def _shrink_to_17(name: str, channels: int) -> Parallel:
    """From 35x35 to 17x17 (figure 10)."""
    return Parallel(
        Unit(f"{name}.branch3x3", channels, 384, 3, stride=2, valid=True),
        nn.Sequential(
            Unit(f"{name}.branch3x3dbl_1", channels, 64),
            Unit(f"{name}.branch3x3dbl_2", 64, 96, 3),
            Unit(f"{name}.branch3x3dbl_3", 96, 96, 3, stride=2, valid=True),
        ),
        nn.MaxPool2d(3, stride=2),
    )


def _mixed_17(name: str, width: int) -> Parallel:
    """A block on 17x17 maps with 7x7 convolutions in two factors (figure 6)."""
    return Parallel(
        Unit(f"{name}.branch1x1", 768, 192),
        nn.Sequential(
            Unit(f"{name}.branch7x7_1", 768, width),
            Unit(f"{name}.branch7x7_2", width, width, (1, 7)),
            Unit(f"{name}.branch7x7_3", width, 192, (7, 1)),
        ),
        nn.Sequential(
            Unit(f"{name}.branch7x7dbl_1", 768, width),
            Unit(f"{name}.branch7x7dbl_2", width, width, (7, 1)),
            Unit(f"{name}.branch7x7dbl_3", width, width, (1, 7)),
            Unit(f"{name}.branch7x7dbl_4", width, width, (7, 1)),
            Unit(f"{name}.branch7x7dbl_5", width, 192, (1, 7)),
        ),
        nn.Sequential(_average_pool(), Unit(f"{name}.branch_pool", 768, 192)),
    )


def _shrink_to_8(name: str, channels: int) -> Parallel:
    """From 17x17 to 8x8."""
    return Parallel(
        nn.Sequential(
            Unit(f"{name}.branch3x3_1", channels, 192),
            Unit(f"{name}.branch3x3_2", 192, 320, 3, stride=2, valid=True),
        ),
        nn.Sequential(
            Unit(f"{name}.branch7x7x3_1", channels, 192),
            Unit(f"{name}.branch7x7x3_2", 192, 192, (1, 7)),
            Unit(f"{name}.branch7x7x3_3", 192, 192, (7, 1)),
            Unit(f"{name}.branch7x7x3_4", 192, 192, 3, stride=2, valid=True),
        ),
        nn.MaxPool2d(3, stride=2),
    )


def _mixed_8(name: str, channels: int, pool: nn.Module) -> Parallel:
    """A block on 8x8 maps whose 3x3 convolutions end in parallel (figure 7)."""
    return Parallel(
        Unit(f"{name}.branch1x1", channels, 320),
        nn.Sequential(
            Unit(f"{name}.branch3x3_1", channels, 384),
            Parallel(
                Unit(f"{name}.branch3x3_2a", 384, 384, (1, 3)),
                Unit(f"{name}.branch3x3_2b", 384, 384, (3, 1)),
            ),
        ),
        nn.Sequential(
            Unit(f"{name}.branch3x3dbl_1", channels, 448),
            Unit(f"{name}.branch3x3dbl_2", 448, 384, 3),
            Parallel(
                Unit(f"{name}.branch3x3dbl_3a", 384, 384, (1, 3)),
                Unit(f"{name}.branch3x3dbl_3b", 384, 384, (3, 1)),
            ),
        ),
        nn.Sequential(pool, Unit(f"{name}.branch_pool", channels, 192)),
    )
