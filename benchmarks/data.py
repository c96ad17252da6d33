"""Images into training: genctl against torchvision's ImageFolder with worker processes.

    python benchmarks/data.py

- start: from the command to the first batch, first with nothing cached, then again;
- batches: batches of 64 as float tensors a second, once started;
- wait: the share of a training step of the default GAN that is spent waiting for its batch.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from machine import machine
from PIL import Image
from torch import Tensor

from genctl import config, registry
from genctl.api.models.loading import build_objective
from genctl.compat.torchvision import import_torchvision
from genctl.contracts import Batch, Dataset
from genctl.data.images.options import ImageData
from genctl.data.images.prepare import prepare_images
from genctl.data.images.sources import decode_cache as decoded
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.trainer import Trainer

BATCH, BATCHES = 64, 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--side", type=int, default=128, help="of the files")
    parser.add_argument("--size", type=int, default=64, help="of training")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    decoded.LEAST_BYTES = 2**20  # so that the mapped file is measured, not memory
    print(machine(options.threads))
    with tempfile.TemporaryDirectory() as root:
        os.environ["GENCTL_CACHE"] = str(Path(root) / "cache")
        folder = Path(root) / "images"
        _pictures(folder, options.images, options.side)
        print(f"\n{options.images} PNGs of {options.side}x{options.side}, to {options.size}\n")
        print(_rates(folder, options.size, options.rounds, Path(root) / "cache"))
        print(f"\nwait: {_wait(folder, options.size):.2%} of a step of the GAN, batch {BATCH}")


def _rates(folder: Path, size: int, rounds: int, cache: Path) -> str:
    contenders: dict[str, Callable[[], Iterator[Tensor]]] = {
        "genctl, nothing cached": lambda: _own(folder, size),
        "genctl, again": lambda: _own(folder, size),
        "ImageFolder, 2 workers": lambda: _torchvision(folder, size, 2),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        shutil.rmtree(cache, ignore_errors=True)
        for name, begin in contenders.items():
            begun = time.perf_counter()
            stream = begin()
            next(stream)
            started = time.perf_counter()
            count = sum(1 for _ in islice(stream, BATCHES))
            found[name].append((started - begun, count / (time.perf_counter() - started)))
    lines = ["| | first batch after | batches/s |", "|---|--:|--:|"]
    for name, pairs in found.items():
        start, rate = (statistics.median(column) for column in zip(*pairs, strict=True))
        lines.append(f"| {name} | {start:.2f} s | {rate:,.0f} |")
    return "\n".join(lines)


def _own(folder: Path, size: int) -> Iterator[Tensor]:
    dataset = prepare_images(ImageData(source=str(folder), size=str(size))).dataset
    return (batch["image"] for batch in dataset.stream(0, BATCH, seed=0))


def _torchvision(folder: Path, size: int, workers: int) -> Iterator[Tensor]:
    vision = import_torchvision()
    from torchvision import datasets, transforms  # noqa: TID251 - the peer itself

    del vision
    steps = [transforms.Resize(size), transforms.ToTensor(), transforms.Normalize([0.5], [0.5])]
    files = datasets.ImageFolder(str(folder), transforms.Compose(steps))
    loader = torch.utils.data.DataLoader(
        files, BATCH, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=True
    )
    while True:
        yield from (images for images, _ in loader)


def _wait(folder: Path, size: int) -> float:
    """Seconds in the stream over seconds of whole steps."""
    settings = config.resolve(registry.get("gan"), environ={})
    dataset = _Timed(prepare_images(ImageData(source=str(folder), size=str(size))).dataset)
    objective = build_objective(registry.get("gan"), settings, dataset.spec, {})
    trainer = Trainer(objective, dataset, RunSettings(0, BATCH, BATCH, "cpu", "fp32", 2))
    for _ in range(3):
        trainer.step(0.5)
    dataset.seconds, begun = 0.0, time.perf_counter()
    for _ in range(10):
        trainer.step(0.5)
    return dataset.seconds / (time.perf_counter() - begun)


class _Timed:
    """A data set that counts how long its batches take."""

    def __init__(self, dataset: Dataset) -> None:
        self.spec, self.assets, self.seconds = dataset.spec, dataset.assets, 0.0
        self._dataset = dataset

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """The same batches."""
        inner = self._dataset.stream(position, batch_size, seed=seed, rank=rank, world=world)
        while True:
            begun = time.perf_counter()
            batch = next(inner)
            self.seconds += time.perf_counter() - begun
            yield batch

    def held_out(self) -> Iterator[Batch] | None:
        """The same examples."""
        return self._dataset.held_out()


def _pictures(folder: Path, count: int, side: int) -> None:
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"class {number % 3}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (9, 9, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(path, compress_level=1)


if __name__ == "__main__":
    main()
