"""A diffusion transformer: patches of an image as tokens (Peebles and Xie 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.families.diffusion.networks.embeddings import (
    ClassEmbedding,
    Conditioned,
    TimeEmbedding,
    sinusoids,
)
from genctl.families.diffusion.networks.unet_blocks import zeroed
from genctl.nn.cropping import crop, pad

SINUSOIDS = 256
WIDENING = 4
NORM_EPS = 1e-6


@dataclass(frozen=True)
class DiTOptions:
    """What distinguishes a `DiT` from others with weights of the same shapes, and all its sizes."""

    channels: int
    num_classes: int
    width: int
    depth: int
    heads: int
    patch: int


class DiT(Conditioned):
    """From a noisy image, a time and a class to an image of the same shape.

    Peebles and Xie 2022, arXiv 2212.09748, with adaLN-Zero (section 3.2). Images that do not
    divide into patches are padded with zeros at the bottom and right; the output is cropped.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        num_classes: int,
        *,
        width: int,
        depth: int,
        heads: int,
        patch: int,
        dropout: float = 0.0,
    ) -> None:
        """Build the network; its initial weights come from torch's global generator.

        Args:
            shape: channels, height and width of an image.
            num_classes: 0 for an unconditional network.
            width: the width of a token; a multiple of 4 and of ``heads``.
            depth: the number of blocks.
            heads: the attention heads of each block.
            patch: side of a patch, in pixels.
            dropout: dropout probability at the end of the residual branch of each block.
        """
        super().__init__()
        self.options = DiTOptions(shape[0], num_classes, width, depth, heads, patch)
        self.shape, self.num_classes, self.patch = shape, num_classes, patch
        self.grid = -(-shape[1] // patch), -(-shape[2] // patch)
        pixels = shape[0] * patch**2
        self.patch_embedding = nn.Linear(pixels, width)
        self.time_embedding = TimeEmbedding(SINUSOIDS, width)
        self.class_embedding = ClassEmbedding(num_classes, width) if num_classes else None
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.head_modulation = zeroed(nn.Linear(width, 2 * width))
        self.head = nn.Linear(width, pixels)
        self.register_buffer("positions", grid_positions(*self.grid, width), persistent=False)
        self.apply(_init)
        embeddings: list[nn.Linear | nn.Embedding] = [
            self.time_embedding.linear_1,
            self.time_embedding.linear_2,
        ]
        if self.class_embedding is not None:
            embeddings.append(self.class_embedding)
        for layer in embeddings:
            nn.init.normal_(layer.weight, std=0.02)
        for block in self.blocks:
            assert isinstance(block, Block)
            zeroed(block.modulation)
        zeroed(self.head_modulation)
        zeroed(self.head)

    def forward(self, x: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        """Apply the network; as `UNet.forward`.

        Args:
            x: (B, C, H, W) float, of about unit variance.
            time: (B,) float; the embedding works best for numbers of the order of 100 to 1000.
            label: (B,) int64, ``num_classes`` for no class; None: no class in any row.

        Returns:
            (B, C, H, W), zero before training.
        """
        condition = self.condition(time, label, x.shape[0])
        tokens = self.patch_embedding(self._patches(x)) + self.positions
        for block in self.blocks:
            tokens = block(tokens, condition)
        shift, scale = self.head_modulation(condition).unsqueeze(1).chunk(2, dim=2)
        made = self.head(_normed(tokens, shift, scale)).transpose(1, 2).unflatten(2, self.grid)
        made = F.pixel_shuffle(made, self.patch)
        return crop(made, *self.shape[1:])

    def _patches(self, x: Tensor) -> Tensor:
        """``x: (B, C, H, W)`` to (B, T, C * patch * patch)."""
        rows, columns = self.grid
        x = pad(x, rows * self.patch, columns * self.patch)
        return F.pixel_unshuffle(x, self.patch).flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Attention, then an MLP; the condition shifts, scales and gates both."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.modulation = nn.Linear(width, 6 * width)
        self.to_qkv = nn.Linear(width, 3 * width)
        self.to_out = nn.Linear(width, width)
        self.widen = nn.Linear(width, WIDENING * width)
        self.narrow = nn.Linear(WIDENING * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """``x: (B, T, D)`` and ``condition: (B, D)`` to (B, T, D); initially the identity."""
        parts = self.modulation(condition).unsqueeze(1).chunk(6, dim=2)
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = parts
        x = x + gate * self._attend(_normed(x, shift, scale))
        hidden = F.gelu(self.widen(_normed(x, shift_mlp, scale_mlp)), approximate="tanh")
        total: Tensor = x + gate_mlp * self.dropout(self.narrow(hidden))
        return total

    def _attend(self, x: Tensor) -> Tensor:
        query, key, value = self.to_qkv(x).unflatten(2, (3, self.heads, -1)).unbind(2)
        seen = F.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        )
        attended: Tensor = self.dropout(self.to_out(seen.transpose(1, 2).flatten(2)))
        return attended


def grid_positions(rows: int, columns: int, width: int) -> Tensor:
    """`sinusoids` of the row, then of the column, of each position of a grid, row by row.

    Returns:
        (rows * columns, width) float32.
    """
    down = sinusoids(torch.arange(rows), width // 2)
    across = sinusoids(torch.arange(columns), width // 2)
    return torch.cat([down.repeat_interleave(columns, dim=0), across.repeat(rows, 1)], dim=1)


def _normed(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=NORM_EPS), 1 + scale)


def _init(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
