"""The parts of a U-Net, with the parameters and the arithmetic of diffusers' UNet2DModel.

A feature map is ``(B, C, H, W)`` float, best in channels-last order. ``condition`` is ``(B, D)``,
the embedding of time and class after its non-linearity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)

NORM_EPS = 1e-5


@dataclass(frozen=True)
class Sizes:
    """The sizes that all parts of a network share.

    Attributes:
        condition: width of the condition.
        groups: groups of the group norms.
        head_dim: channels of an attention head.
        dropout: dropout probability inside the residual blocks.
        scales: whether the condition also scales the features, instead of only shifting them.
    """

    condition: int
    groups: int
    head_dim: int
    dropout: float
    scales: bool

    def norm(self, channels: int) -> nn.GroupNorm:
        """A group norm (Wu and He 2018, arXiv 1803.08494)."""
        return nn.GroupNorm(self.groups, channels, eps=NORM_EPS)


class ResidualBlock(nn.Module):
    """Norm, SiLU and convolution, twice, with the condition in between; initially the identity.

    The condition is added before the second norm, or scales and shifts its output (Dhariwal and
    Nichol 2021, arXiv 2105.05233, section 3.1).
    """

    def __init__(self, before: int, after: int, sizes: Sizes) -> None:
        super().__init__()
        self.norm1 = sizes.norm(before)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.scales = sizes.scales
        self.time_emb_proj = nn.Linear(sizes.condition, 2 * after if self.scales else after)
        self.norm2 = sizes.norm(after)
        self.dropout = nn.Dropout(sizes.dropout)
        self.conv2 = zeroed(nn.Conv2d(after, after, 3, padding=1))
        self.conv_shortcut = nn.Conv2d(before, after, 1) if before != after else None

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """``x: (B, before, H, W)`` to (B, after, H, W)."""
        known = self.time_emb_proj(condition)[:, :, None, None]
        hidden = self.conv1(F.silu(self.norm1(x)))
        if self.scales:
            scale, shift = known.chunk(2, dim=1)
            hidden = torch.addcmul(shift, self.norm2(hidden), 1 + scale)
        else:
            hidden = self.norm2(hidden + known)
        hidden = self.conv2(self.dropout(F.silu(hidden)))
        total: Tensor = hidden + (x if self.conv_shortcut is None else self.conv_shortcut(x))
        return total


class AttentionBlock(nn.Module):
    """Residual self-attention over the pixels of a feature map; initially the identity."""

    def __init__(self, channels: int, sizes: Sizes) -> None:
        super().__init__()
        self.heads = channels // sizes.head_dim
        self.group_norm = sizes.norm(channels)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([zeroed(nn.Linear(channels, channels))])

    def forward(self, x: Tensor) -> Tensor:
        """``x: (B, C, H, W)`` to the same shape."""
        rows = self.group_norm(x).flatten(2).transpose(1, 2)
        query, key, value = (
            layer(rows).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.to_q, self.to_k, self.to_v)
        )
        seen = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        added: Tensor = self.to_out[0](seen).transpose(1, 2).unflatten(2, x.shape[2:])
        return x + added


class Downsample(nn.Module):
    """Halves height and width by a strided convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``x: (B, C, 2H, 2W)`` to (B, C, H, W)."""
        halved: Tensor = self.conv(x)
        return halved


class Upsample(nn.Module):
    """Doubles height and width: repeats each pixel four times, then applies a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``x: (B, C, H, W)`` to (B, C, 2H, 2W)."""
        doubled: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return doubled


class _Level(nn.Module):
    """Residual blocks, each followed by attention if the level has attention."""

    def __init__(self, channels: Sequence[tuple[int, int]], attention: bool, sizes: Sizes) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(ResidualBlock(*pair, sizes) for pair in channels)
        self.attentions = nn.ModuleList(
            AttentionBlock(after, sizes) for _, after in channels if attention
        )

    def _apply_block(self, index: int, x: Tensor, condition: Tensor) -> Tensor:
        x = self.resnets[index](x, condition)
        return self.attentions[index](x) if self.attentions else x


class DownLevel(_Level):
    """One resolution on the way down; the output of every block is kept for the way up."""

    def __init__(
        self, before: int, after: int, depth: int, attention: bool, halves: bool, sizes: Sizes
    ) -> None:
        super().__init__(
            [(before if i == 0 else after, after) for i in range(depth)], attention, sizes
        )
        self.downsamplers = nn.ModuleList([Downsample(after)] if halves else [])

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The next feature map, and those to keep, oldest first."""
        kept = []
        for index in range(len(self.resnets)):
            x = self._apply_block(index, x, condition)
            kept.append(x)
        for layer in self.downsamplers:
            x = layer(x)
            kept.append(x)
        return x, kept


class MiddleLevel(nn.Module):
    """Two residual blocks at the coarsest resolution, with optional attention between them."""

    def __init__(self, channels: int, attention: bool, sizes: Sizes) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([AttentionBlock(channels, sizes)] if attention else [])
        self.resnets = nn.ModuleList(ResidualBlock(channels, channels, sizes) for _ in range(2))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """``x: (B, C, H, W)`` to the same shape."""
        x = self.resnets[0](x, condition)
        for layer in self.attentions:
            x = layer(x)
        last: Tensor = self.resnets[1](x, condition)
        return last


class UpLevel(_Level):
    """One resolution on the way up; each block reads one feature map kept on the way down."""

    def __init__(
        self,
        before: int,
        after: int,
        kept: Sequence[int],
        attention: bool,
        doubles: bool,
        sizes: Sizes,
    ) -> None:
        """Build the level.

        Args:
            before, after: input and output channels.
            kept: channels of the kept feature maps that its blocks read, in that order.
            attention: whether attention follows each block.
            doubles: whether a finer level follows.
            sizes: the sizes of the network.
        """
        channels = [((before if i == 0 else after) + skip, after) for i, skip in enumerate(kept)]
        super().__init__(channels, attention, sizes)
        self.upsamplers = nn.ModuleList([Upsample(after)] if doubles else [])

    def forward(self, x: Tensor, kept: Sequence[Tensor], condition: Tensor) -> Tensor:
        """``x``, with ``kept`` in the order of the blocks, to the next feature map."""
        for index, skip in enumerate(kept):
            x = self._apply_block(index, torch.cat([x, skip], dim=1), condition)
        for layer in self.upsamplers:
            x = layer(x)
        return x


def zeroed(layer: Layer) -> Layer:
    """``layer`` with all weights zero."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
