"""How time and memory grow with what a user makes larger.

Each point is a process of its own. Sizes grow by one factor, so that the last two steps between
them tell the exponent of a power of the size whatever the time that all sizes share: 1 is linear.

    python benchmarks/growth.py
    python benchmarks/growth.py --only "images in a folder"
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from machine import machine


@dataclass(frozen=True)
class Axis:
    """Something that grows.

    Attributes:
        sizes: ascending by one factor.
        work: prepares a size in an empty folder, and gives what is timed.
        unit: of the sizes.
    """

    sizes: Sequence[int]
    work: Callable[[int, Path], Callable[[], object]]
    unit: str


def _training(family: str, *sets: str) -> Callable[[int, Path], Callable[[], object]]:
    """Eight steps of a family after two others; ``{}`` in the settings is the size."""

    def prepare(size: int, folder: Path) -> Callable[[], object]:
        from genctl.api.training.request import TrainRequest
        from genctl.api.training.session import open_session
        from genctl.output import Output

        chosen = tuple(text.format(size) for text in sets)
        request = TrainRequest(family, out=folder / "run", sets=chosen, threads=2)
        trainer = open_session(request, Output()).trainer
        for _ in range(2):
            trainer.step(0.1)
        return lambda: [trainer.step(0.1) for _ in range(8)]

    return prepare


def _folder(size: int, folder: Path) -> Callable[[], object]:
    import numpy as np
    from PIL import Image

    from genctl.data.images.open_source import open_source

    generator = np.random.default_rng(0)
    (folder / "a").mkdir()
    for number in range(size):
        pixels = generator.integers(0, 256, (32, 32, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "a" / f"{number}.png")
    return lambda: open_source(str(folder)).fingerprint


def _evaluation(size: int, folder: Path) -> Callable[[], object]:
    import numpy as np

    import genctl

    def draw(places: Sequence[int]) -> np.ndarray:
        generator = np.random.default_rng(places[0])
        return generator.integers(0, 256, (len(places), 32, 32, 3)).astype(np.uint8)

    return lambda: genctl.evaluate("fid", draw, ref=draw, n=size, extractor="px")


def _neighbours(size: int, folder: Path) -> Callable[[], object]:
    import numpy as np

    import genctl

    def draw(places: Sequence[int]) -> np.ndarray:
        generator = np.random.default_rng(places[0])
        return generator.integers(0, 256, (len(places), 32, 32, 3)).astype(np.uint8)

    return lambda: genctl.evaluate("prdc", draw, ref=draw, n=size, extractor="px")


def _runs(size: int, folder: Path) -> Callable[[], object]:
    from genctl.cli import main
    from genctl.runs import Run

    os.environ["GENCTL_RUNS"] = str(folder)
    sections: dict[str, dict[str, object]] = {
        name: {} for name in ("model", "data", "train", "sample")
    }
    config = {"config": {"family": "gan", "preset": "mlp", "seed": 0, **sections}, "origins": {}}
    for number in range(size):
        run = Run(folder / f"gan-{number}")
        (run.path / "checkpoints").mkdir(parents=True)
        run.write("config.json", config)
    return lambda: main(["runs", "ls", "--quiet"])


LM = ("batch_size=4", "context=128", "tokenizer=byte", "depth=2", "heads=4", "kv_heads=4")
AXES = {
    "width of a language model": Axis(
        (64, 128, 256, 512), _training("lm", *LM, "width={}"), "channels"
    ),
    "context of a language model": Axis(
        (64, 128, 256, 512),
        _training("lm", "batch_size=4", "tokenizer=byte", "width=128", "depth=2", "context={}"),
        "tokens",
    ),
    "batch of a GAN": Axis((32, 64, 128, 256), _training("gan", "batch_size={}"), "images"),
    "side of a GAN's images": Axis(
        (32, 64, 128), _training("gan", "batch_size=8", "data.size={}"), "pixels"
    ),
    "side of diffusion's images": Axis(
        (32, 64, 128),
        _training("diffusion", "batch_size=4", "data.size={}"),
        "pixels",
    ),
    "images in a folder": Axis((1_000, 4_000, 16_000), _folder, "files"),
    "images in a Frechet distance": Axis((1_000, 10_000, 100_000), _evaluation, "images"),
    "images in precision and recall": Axis((1_000, 4_000, 16_000), _neighbours, "images"),
    "runs in a list": Axis((100, 1_000, 10_000), _runs, "runs"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="one axis")
    parser.add_argument("--point", type=int, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point is not None:
        _measure(AXES[options.only], options.point)
        return
    print(f"{machine(2)}\n\n| | sizes | seconds | exponent | MiB |\n|---|---|---|--:|---|")
    for name, axis in AXES.items():
        if options.only in ("", name):
            print(_row(name, axis), flush=True)


def _measure(axis: Axis, size: int) -> None:
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        os.environ["GENCTL_CACHE"] = f"{folder}-cache"
        (Path(folder) / "x").mkdir()
        work = axis.work(size, Path(folder) / "x")
        before = time.perf_counter()
        work()
        seconds = time.perf_counter() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{json.dumps([seconds, memory])}")


def _row(name: str, axis: Axis) -> str:
    points = []
    for size in axis.sizes:
        command = [sys.executable, __file__, "--only", name, "--point", str(size)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        points.append(json.loads(said.splitlines()[-1]))
    seconds, memory = zip(*points, strict=True)
    last, before = (max(seconds[i] - seconds[i - 1], 1e-9) for i in (-1, -2))
    growth = math.log(last / before) / math.log(axis.sizes[-1] / axis.sizes[-2])
    sizes = ", ".join(f"{size:,}" for size in axis.sizes)
    return (
        f"| {name} | {sizes} {axis.unit} | {', '.join(f'{s:.2f}' for s in seconds)} | "
        f"{growth:.2f} | {', '.join(f'{m:,.0f}' for m in memory)} |"
    )


if __name__ == "__main__":
    main()
