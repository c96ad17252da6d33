"""The diffusion benchmark's peers: a plain flow-matching loop, and denoising-diffusion-pytorch.

Each trains on one array of digits for some seconds, start of the first step to the end of the last,
and then makes digits with at most `EVALUATIONS` looks of its network at each.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.compat.torchvision import import_torchvision

EVALUATIONS = 20
BATCH = 64
CLASSES = 10

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Trained:
    """What a peer reached: images it saw, parameters, and a way to make ``n`` digits."""

    images: int
    parameters: int
    sample: Callable[[int], Pixels]


def plain_trial(
    pixels: Pixels, labels: npt.NDArray[np.int64], seconds: float, seed: int
) -> Trained:
    """A class-conditional U-Net on 2x2 unshuffled pixels, flow matching, AdamW, an average."""
    torch.manual_seed(seed)
    network, data = PlainUNet(), _signed(pixels)
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, betas=(0.9, 0.99), fused=True)
    rows, targets = _rows(len(data)), torch.from_numpy(labels)
    started, seen = time.perf_counter(), 0
    while (spent := (time.perf_counter() - started) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, seen / BATCH / 50, (1 - spent) / 0.4)
        chosen = next(rows)
        clean, label = data[chosen], targets[chosen]
        noise = torch.randn_like(clean)
        time_of = torch.randn(BATCH).sigmoid()
        mixed = torch.lerp(clean, noise, time_of[:, None, None, None])
        loss = F.mse_loss(network(mixed, time_of, label), noise - clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += BATCH
        _follow(average, network, 0.999, seen // BATCH)

    @torch.inference_mode()
    def sample(n: int) -> Pixels:
        torch.manual_seed(1000 + seed)
        label = torch.arange(n) % CLASSES
        return np.concatenate([_heun(average.eval(), part) for part in label.split(250)])

    return Trained(seen, _size(network), sample)


def denoising_diffusion(pixels: Pixels, seconds: float, seed: int, rate: float = 1e-3) -> Trained:
    """Its own U-Net, at about the size of ours, with its defaults: v-prediction, sigmoid betas.

    It draws on a GPU where there is one, since only its training is timed.
    """
    import_torchvision()  # beside a PyTorch for the CPU it does not import by itself
    from denoising_diffusion_pytorch import GaussianDiffusion, Unet
    from ema_pytorch import EMA

    torch.manual_seed(seed)
    unet = Unet(24, dim_mults=(1, 2), channels=1)
    diffusion = GaussianDiffusion(unet, image_size=28, sampling_timesteps=EVALUATIONS)
    average = EMA(diffusion, beta=0.995, update_every=10)
    optimizer = torch.optim.Adam(diffusion.parameters(), rate, betas=(0.9, 0.99), fused=True)
    data = _unsigned(pixels)
    rows = _rows(len(data))
    started, seen = time.perf_counter(), 0
    while (spent := (time.perf_counter() - started) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (1 - spent) / 0.4)
        loss = diffusion(data[next(rows)])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
        optimizer.step()
        seen += BATCH
        average.update()

    @torch.inference_mode()
    def sample(n: int) -> Pixels:
        torch.manual_seed(1000 + seed)
        model = average.ema_model.to("cuda" if torch.cuda.is_available() else "cpu")
        made = [model.sample(batch_size=250).cpu() for _ in range(math.ceil(n / 250))]
        return to_pixels(torch.cat(made)[:n] * 2 - 1)

    return Trained(seen, _size(unet), sample)


class PlainUNet(nn.Module):
    """Two levels, 32 and 64 wide, at 14x14 and 7x7; time and class scale and shift the norms."""

    def __init__(self) -> None:
        super().__init__()
        self.label = nn.Embedding(CLASSES, 128)
        self.time = nn.Sequential(nn.Linear(64, 128), nn.SiLU(), nn.Linear(128, 128))
        self.enter = nn.Conv2d(4, 32, 3, padding=1)
        self.down1 = _Block(32, 32)
        self.halve = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.down2, self.up2 = _Block(64, 64), _Block(128, 64)
        self.middle1, self.middle2 = _Block(64, 64), _Block(64, 64)
        self.widen = nn.Conv2d(64, 32, 3, padding=1)
        self.up1 = _Block(64, 32)
        last = nn.Conv2d(32, 4, 3, padding=1)
        nn.init.zeros_(last.weight)
        self.leave = nn.Sequential(nn.GroupNorm(8, 32), nn.SiLU(), last)

    def forward(self, x: Tensor, time: Tensor, label: Tensor) -> Tensor:
        """``(B, 1, 28, 28), (B,), (B,)`` to the velocity, (B, 1, 28, 28)."""
        angles = 1000 * time[:, None] * torch.exp(-math.log(1e4) * torch.arange(32) / 32)
        known = self.time(torch.cat([angles.cos(), angles.sin()], 1)) + self.label(label)
        first = self.down1(self.enter(F.pixel_unshuffle(x, 2)), known)
        second = self.down2(self.halve(first), known)
        middle = self.middle2(self.middle1(second, known), known)
        deep = self.up2(torch.cat([middle, second], 1), known)
        wide = self.widen(F.interpolate(deep, scale_factor=2.0))
        made: Tensor = self.leave(self.up1(torch.cat([wide, first], 1), known))
        return F.pixel_shuffle(made, 2)


class _Block(nn.Module):
    """Norm, SiLU, convolution, twice."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, before), nn.GroupNorm(8, after)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.known = nn.Linear(128, 2 * after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """``(B, before, H, W)`` to (B, after, H, W)."""
        scale, shift = self.known(F.silu(known))[:, :, None, None].chunk(2, 1)
        hidden = self.norm2(self.conv1(F.silu(self.norm1(x)))) * (1 + scale) + shift
        made: Tensor = self.skip(x) + self.conv2(F.silu(hidden))
        return made


def _heun(network: nn.Module, label: Tensor) -> Pixels:
    """Ten steps of Heun's method from noise to image; the last is Euler's."""
    x = torch.randn(len(label), 1, 28, 28)
    times = torch.linspace(1, 0, EVALUATIONS // 2 + 1)
    for now, then in itertools.pairwise(times):
        slope = network(x, now.expand(len(x)), label)
        if then > 0:
            ahead = network(x + (then - now) * slope, then.expand(len(x)), label)
            slope = (slope + ahead) / 2
        x = x + (then - now) * slope
    return to_pixels(x)


def _rows(count: int) -> Iterator[Tensor]:
    """Endless batches of row numbers, each row once an epoch."""
    while True:
        yield from torch.randperm(count)[: count // BATCH * BATCH].view(-1, BATCH)


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    weight = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), weight)


def _unsigned(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


def _signed(pixels: Pixels) -> Tensor:
    return _unsigned(pixels) * 2 - 1


def to_pixels(images: Tensor) -> Pixels:
    """``(B, 1, 28, 28)`` in [-1, 1] to ``(B, 28, 28, 1) uint8``."""
    rounded = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(rounded.numpy().transpose(0, 2, 3, 1))


def _size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
