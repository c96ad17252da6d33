"""A U-Net with the weight names of diffusers' UNet2DModel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.families.diffusion.networks.embeddings import ClassEmbedding, Conditioned, TimeEmbedding
from genctl.families.diffusion.networks.unet_blocks import (
    DownLevel,
    MiddleLevel,
    Sizes,
    UpLevel,
    zeroed,
)
from genctl.nn.cropping import crop, pad

MAX_GROUPS = 32
MAX_HEAD_DIM = 64


@dataclass(frozen=True)
class UNetOptions:
    """What distinguishes a `UNet` from others with weights of the same shapes, and all its sizes.

    ``attention`` has the numbers of the levels with attention, 1 for the finest.
    """

    channels: int
    num_classes: int
    width: int
    multiples: tuple[int, ...]
    depth: int
    attention: tuple[int, ...]
    middle_attention: bool
    patch: int
    groups: int
    head_dim: int
    scales: bool


class UNet(Conditioned):
    """From a noisy image, a time and a class to an image of the same shape.

    The network of Ho et al. 2020 (arXiv 2006.11239, appendix B). It may work on pixel-unshuffled
    images, where convolutions are cheap on a CPU. Images that cannot be halved often enough are
    padded with zeros at the bottom and right, and the output is cropped.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        num_classes: int,
        *,
        width: int,
        multiples: tuple[int, ...],
        depth: int,
        attention: tuple[bool, ...],
        unshuffle: int = 1,
        dropout: float = 0.0,
        middle_attention: bool | None = None,
        groups: int | None = None,
        head_dim: int | None = None,
        scales: bool = False,
    ) -> None:
        """Build the network; its initial weights come from torch's global generator.

        Args:
            shape: channels, height and width of an image.
            num_classes: 0 for an unconditional network.
            width: even; the levels' channels are multiples of it.
            multiples: channels of each level in multiples of ``width``, finest level first; each
                level has half the height and width of the one before.
            depth: residual blocks per level on the way down; one more on the way up.
            attention: for each level, whether attention follows each of its blocks.
            unshuffle: side of the squares of pixels that become channels.
            dropout: dropout probability inside the residual blocks.
            middle_attention: whether there is attention in the middle; None for the same as at the
                last level.
            groups: groups of the group norms; None for at most 32, with at least 4 channels each.
            head_dim: channels of an attention head; None for at most 64. Both divide ``width``.
            scales: whether time and class also scale the features, instead of only shifting them.
        """
        super().__init__()
        self.shape, self.num_classes, self.unshuffle = shape, num_classes, unshuffle
        self.width, self.multiples, self.depth = width, multiples, depth
        self.attention, self.dropout = attention, dropout
        self.middle_attention = attention[-1] if middle_attention is None else middle_attention
        self.groups = groups or _largest_divisor(width, max(1, min(MAX_GROUPS, width // 4)))
        self.head_dim = head_dim or _largest_divisor(width, MAX_HEAD_DIM)
        self.scales = scales
        self.options = UNetOptions(
            channels=shape[0],
            num_classes=num_classes,
            width=width,
            multiples=tuple(multiples),
            depth=depth,
            attention=tuple(level for level, attends in enumerate(attention, 1) if attends),
            middle_attention=self.middle_attention,
            patch=unshuffle,
            groups=self.groups,
            head_dim=self.head_dim,
            scales=scales,
        )
        levels = [width * multiple for multiple in multiples]
        sizes = Sizes(4 * levels[0], self.groups, self.head_dim, dropout, scales)
        self.conv_in = nn.Conv2d(self.channels, levels[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(levels[0], sizes.condition)
        self.class_embedding = ClassEmbedding(num_classes, sizes.condition) if num_classes else None
        self.down_blocks = _down(levels, depth, attention, sizes)
        self.mid_block = MiddleLevel(levels[-1], self.middle_attention, sizes)
        self.up_blocks = _up(levels, depth, attention, sizes)
        self.conv_norm_out = sizes.norm(levels[0])
        self.conv_out = zeroed(nn.Conv2d(levels[0], self.channels, 3, padding=1))

    @property
    def blocks(self) -> nn.ModuleList:
        """The levels, in the order of the forward pass."""
        return nn.ModuleList([*self.down_blocks, self.mid_block, *self.up_blocks])

    @property
    def channels(self) -> int:
        """Channels of an image after unshuffling."""
        return self.shape[0] * self.unshuffle**2

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width of a padded image, in pixels."""
        step = self.unshuffle * 2 ** (len(self.multiples) - 1)
        return -(-self.shape[1] // step) * step, -(-self.shape[2] // step) * step

    def forward(self, x: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        """Apply the network.

        Args:
            x: (B, C, H, W) float, of about unit variance.
            time: (B,) float; the embedding works best for numbers of the order of 100 to 1000.
            label: (B,) int64, ``num_classes`` for no class; None: no class in any row.

        Returns:
            (B, C, H, W), zero before training.
        """
        condition = self.condition(time, label, x.shape[0])
        made = self._core(self._enter(x), condition)
        if self.unshuffle > 1:
            made = F.pixel_shuffle(made, self.unshuffle)
        return crop(made, *self.shape[1:])

    def _enter(self, x: Tensor) -> Tensor:
        x = pad(x, *self.padded)
        if self.unshuffle > 1:
            x = F.pixel_unshuffle(x, self.unshuffle)
        return x.contiguous(memory_format=torch.channels_last)

    def _core(self, x: Tensor, condition: Tensor) -> Tensor:
        """The forward pass of UNet2DModel, on images of `channels` channels."""
        x = self.conv_in(x)
        kept = [x]
        for level in self.down_blocks:
            x, new = level(x, condition)
            kept += new
        x = self.mid_block(x, condition)
        for level in self.up_blocks:
            x = level(x, [kept.pop() for _ in range(self.depth + 1)], condition)
        made: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return made


def _down(
    levels: Sequence[int], depth: int, attention: Sequence[bool], sizes: Sizes
) -> nn.ModuleList:
    last = len(levels) - 1
    return nn.ModuleList(
        DownLevel(levels[max(i - 1, 0)], levels[i], depth, attention[i], i < last, sizes)
        for i in range(len(levels))
    )


def _up(
    levels: Sequence[int], depth: int, attention: Sequence[bool], sizes: Sizes
) -> nn.ModuleList:
    """The levels on the way up, coarsest first; their blocks read the skip maps, latest first."""
    blocks = []
    for i in reversed(range(len(levels))):
        before = levels[min(i + 1, len(levels) - 1)]
        kept = [levels[i]] * depth + [levels[max(i - 1, 0)]]
        blocks.append(UpLevel(before, levels[i], kept, attention[i], i > 0, sizes))
    return nn.ModuleList(blocks)


def _largest_divisor(number: int, limit: int) -> int:
    return next(size for size in range(min(number, limit), 0, -1) if number % size == 0)
