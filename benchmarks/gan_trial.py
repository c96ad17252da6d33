"""The plain trial that the preset `digits` is held against: one loop, without the engine.

The networks of the preset before it was tuned: 32 channels at 14x14 and 64 at 7x7, one residual
block each, pixel shuffles, 1x1 convolutions at both ends, no tanh. Relativistic loss, R1 and R2
every 8th step with gamma 0.3, Adam 1e-3 (0, 0.95), batches of 64, averaged weights.

    python benchmarks/gan_trial.py --minutes 5 --out trial.npz
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.data.images.sets.digits import load_digits

Z_DIM, BATCH, GAMMA, EVERY, RATE, HALFLIFE = 64, 64, 0.3, 8, 1e-3, 12_000
WIDTHS = (32, 64)


class Block(nn.Module):
    """``x + conv(act(conv(x)))``, an identity at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.leaky_relu(self.first(F.leaky_relu(x, 0.2)), 0.2)
        out: Tensor = x + self.second(hidden)
        return out


class Generator(nn.Module):
    """Noise and class to a digit."""

    def __init__(self) -> None:
        super().__init__()
        fine, coarse = WIDTHS
        self.classes = nn.Embedding(10, Z_DIM)
        self.stem = nn.Linear(2 * Z_DIM, coarse * 49)
        self.layers = nn.Sequential(
            Block(coarse), nn.Conv2d(coarse, 4 * fine, 1), nn.PixelShuffle(2), Block(fine),
            nn.LeakyReLU(0.2), nn.Conv2d(fine, 4, 1), nn.PixelShuffle(2),
        )  # fmt: skip

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.stem(torch.cat([z, self.classes(label)], 1)).unflatten(1, (-1, 7, 7))
        out: Tensor = self.layers(x)
        return out


class Discriminator(nn.Module):
    """A digit and its class to a logit."""

    def __init__(self) -> None:
        super().__init__()
        fine, coarse = WIDTHS
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(4, fine, 1), Block(fine), nn.PixelUnshuffle(2),
            nn.Conv2d(4 * fine, coarse, 1), Block(coarse), nn.LeakyReLU(0.2), nn.Flatten(),
            nn.Linear(49 * coarse, 10),
        )  # fmt: skip

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        out: Tensor = self.layers(x).gather(1, label[:, None]).squeeze(1)
        return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    torch.manual_seed(options.seed)
    generator, seen = _train(end)
    labels = torch.arange(options.samples) % 10
    with torch.no_grad():
        made = torch.cat([generator(torch.randn(len(y), Z_DIM), y) for y in labels.split(250)])
    pixels = ((made + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    np.savez(options.out, arr_0=pixels, arr_1=labels.numpy(), seen=seen)


def _train(end: float) -> tuple[nn.Module, int]:
    """The averaged generator, and how many images it saw."""
    arrays = load_digits("train")
    images = torch.from_numpy(arrays[0]).permute(0, 3, 1, 2).float() / 127.5 - 1
    labels = torch.from_numpy(arrays[1])
    generator, discriminator = Generator(), Discriminator()
    average = copy.deepcopy(generator).requires_grad_(False)
    moving, judging = (
        torch.optim.Adam(network.parameters(), RATE, (0.0, 0.95), fused=True)
        for network in (generator, discriminator)
    )
    step = 0
    while time.monotonic() < end:
        rows = torch.randint(len(images), (BATCH,))
        real, y = images[rows].contiguous(memory_format=torch.channels_last), labels[rows]
        with torch.no_grad():
            fake = generator(torch.randn(BATCH, Z_DIM), y)
        both = torch.cat([real, fake]).requires_grad_(step % EVERY == 0)
        logits = discriminator(both, y.repeat(2))
        loss = F.softplus(logits[BATCH:] - logits[:BATCH]).mean()
        if step % EVERY == 0:
            (gradient,) = torch.autograd.grad(logits.sum(), both, create_graph=True)
            loss = loss + GAMMA / 2 * EVERY * gradient.flatten(1).square().sum() / BATCH
        judging.zero_grad()
        loss.backward()
        judging.step()
        fake = generator(torch.randn(BATCH, Z_DIM), y)
        with torch.no_grad():
            known = discriminator(real, y)
        moving.zero_grad()
        F.softplus(known - discriminator(fake, y)).mean().backward()
        moving.step()
        step += 1
        weight = 1 - 0.5 ** (BATCH / min(HALFLIFE, 0.05 * BATCH * step))
        for kept, live in zip(average.parameters(), generator.parameters(), strict=True):
            kept.lerp_(live.detach(), weight)
    return average, step * BATCH


if __name__ == "__main__":
    main()
