"""A judge of digits for benchmarks, independent of the network that genctl bundles.

Its kind differs (residual, 7x7 kernels at both ends, 128 features), and so do its training (SGD,
hard labels, dropout) and its seed, so a generator tuned against the bundled network gains little
here. The first `load_judge` trains it on the train split of the bundled digits, which takes some
two minutes of one core; later ones read it back from ``benchmarks/.cache``.

    python benchmarks/judge.py      # trains when it must, prints the accuracy on the test split
"""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.data.images.sets.digits import DIGITS_SHA256, load_digits

FEATURES = 128
SEED = 20260
EPOCHS = 20
BATCH_SIZE = 64
PEAK_RATE = 0.03


class Judge(nn.Module):
    """A small residual network over digits as they are stored: ``(N, 28, 28, 1) uint8``."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 24, 7, stride=2, padding=3, bias=False),
            _Residual(24, 32),
            nn.MaxPool2d(2),
            _Residual(32, 64),
            _Residual(64, 64),
            nn.BatchNorm2d(64),
            nn.SiLU(),
            nn.Conv2d(64, FEATURES, 7, bias=False),  # over the whole 7x7 map
            nn.Flatten(),
            nn.BatchNorm1d(FEATURES),
            nn.SiLU(),
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(FEATURES, 10))

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 1, 28, 28) float in [0, 1]`` to logits ``(B, 10)``."""
        logits: Tensor = self.head(self.trunk(images))
        return logits

    @torch.inference_mode()
    def features(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """What the classifier's last layer sees: ``(N, 28, 28, 1) uint8`` to ``(N, 128)``."""
        chunks = [self.trunk(chunk) for chunk in _to_float(images).split(256)]
        return torch.cat(chunks).numpy()

    @torch.inference_mode()
    def predict(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """The digit it reads in each image: ``(N, 28, 28, 1) uint8`` to ``(N,)``."""
        chunks = [self(chunk).argmax(1) for chunk in _to_float(images).split(256)]
        return torch.cat(chunks).numpy()


class _Residual(nn.Module):
    """Two pre-activated convolutions beside a 1x1 shortcut (He et al. 2016, arXiv 1603.05027)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.branch = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.SiLU(),
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.SiLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, in, H, W)`` to ``(B, out, H, W)``."""
        out: Tensor = self.shortcut(x) + self.branch(x)
        return out


def load_judge() -> Judge:
    """The trained judge on the CPU, in eval mode; trained and cached if it was not before."""
    recipe = hashlib.sha256(Path(__file__).read_bytes() + DIGITS_SHA256.encode()).hexdigest()
    cache = Path(__file__).parent / ".cache" / f"judge-{recipe[:16]}.safetensors"
    if not cache.exists():
        cache.parent.mkdir(exist_ok=True)
        half_written = cache.with_suffix(f".{os.getpid()}")
        safetensors.torch.save_file(_train().state_dict(), half_written)
        half_written.replace(cache)
    judge = Judge()
    judge.load_state_dict(safetensors.torch.load_file(cache))
    return judge.eval().requires_grad_(False)


def _train() -> Judge:
    random = torch.Generator().manual_seed(SEED)
    images, labels = load_digits("train")
    pixels, targets = _to_float(images), torch.from_numpy(labels)
    with torch.random.fork_rng(devices=[]):  # for the first weights and for dropout
        torch.manual_seed(SEED)
        judge = Judge().train()
        optimizer = torch.optim.SGD(
            judge.parameters(), PEAK_RATE, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        per_epoch = len(pixels) // BATCH_SIZE
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, EPOCHS * per_epoch)
        for _ in range(EPOCHS):
            order = torch.randperm(len(pixels), generator=random)
            for chosen in order[: per_epoch * BATCH_SIZE].view(per_epoch, BATCH_SIZE):
                loss = F.cross_entropy(judge(_moved(pixels[chosen], random)), targets[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
    return judge


def _moved(images: Tensor, random: torch.Generator) -> Tensor:
    """Each image turned by up to 12 degrees, scaled by up to 12 % and shifted by up to 2 pixels."""
    draws = torch.rand(4, len(images), generator=random) * 2 - 1
    angle, scale = draws[0] * math.radians(12), 1 + draws[1] * 0.12
    cos, sin = scale * angle.cos(), scale * angle.sin()
    right, down = draws[2:] * (2 * 2 / 28)  # the image spans -1..1
    rows = torch.stack([cos, -sin, right, sin, cos, down], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _to_float(images: npt.NDArray[np.uint8]) -> Tensor:
    channels_first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return torch.from_numpy(channels_first).float() / 255


def main() -> None:
    """Load, training when it must, and measure."""
    images, labels = load_digits("test")
    accuracy = (load_judge().predict(images) == labels).mean()
    print(f"{accuracy:.4f} of {len(labels)} test digits read right")


if __name__ == "__main__":
    main()
