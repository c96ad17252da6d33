"""Own code beside the same work by SciPy or torchvision: which of them the product should use.

    python benchmarks/libraries.py [--only frechet] [--rounds 3]

Both sides take turns on one thread; times are those of the processor. The ratio is the library's
time over that of genctl, the median over the rounds: above 1 the library is slower. The difference
is the largest one between the results, relative to the largest value; for pixels it is in grey
levels of 255.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.spatial
import scipy.special
import scipy.stats
import torch
from machine import machine

from genctl.compat.torchvision import torchvision_module
from genctl.data.images.decode import convert
from genctl.data.images.drawing import grid
from genctl.evaluation.measures.frechet import Gaussian, frechet_distance
from genctl.evaluation.measures.inception_score import inception_score
from genctl.evaluation.measures.neighbours import nearest, squared_radii
from genctl.families.gan.augment import Augment


class Pair(NamedTuple):
    """The same work done twice.

    Attributes:
        name: of the work.
        own: by genctl; gives what is compared.
        library: by SciPy or torchvision.
        pixels: whether results are grey levels.
    """

    name: str
    own: Callable[[], Any]
    library: Callable[[], Any]
    pixels: bool = False


def frechet() -> Iterator[Pair]:
    """A Fréchet distance from two fitted normal distributions."""
    for dim, count in ((64, 5000), (2048, 1000), (2048, 5000)):
        first, second = (Gaussian.fit(_features(count, dim, seed)) for seed in (0, 1))
        a, b = first.factor.numpy(), second.factor.numpy()
        means = float((first.mean - second.mean).square().sum())
        rest = means + first.trace + second.trace

        def svd(a: np.ndarray = a, b: np.ndarray = b, rest: float = rest) -> float:
            return rest - 2 * float(scipy.linalg.svdvals(a.T @ b).sum())

        def eigen(a: np.ndarray = a, b: np.ndarray = b, rest: float = rest) -> float:
            matrix = a.T @ b
            squares = scipy.linalg.eigvalsh(matrix @ matrix.T, check_finite=False)
            return rest - 2 * float(np.sqrt(squares.clip(0)).sum())

        def own(first: Gaussian = first, second: Gaussian = second) -> float:
            return frechet_distance(first, second)

        name = f"Fréchet distance, {count:,} x {dim}"
        yield Pair(f"{name}: scipy.linalg.svdvals", own, svd)
        if count > dim:
            yield Pair(f"{name}: scipy.linalg.eigvalsh", own, eigen)


def neighbours() -> Iterator[Pair]:
    """The nearest of as many others, and the third nearest of the same set."""
    for dim, count in ((64, 2000), (64, 5000), (2048, 2000)):
        x, y = (_features(count, dim, seed) for seed in (0, 1))
        name = f"nearest neighbour, {count:,} x {dim}"

        def own(x: torch.Tensor = x, y: torch.Tensor = y) -> np.ndarray:
            return nearest(x, y).distances.numpy()

        def tree(x: torch.Tensor = x, y: torch.Tensor = y) -> np.ndarray:
            found: np.ndarray = scipy.spatial.cKDTree(y.double().numpy()).query(x.double().numpy())[
                0
            ]
            return found

        def table(x: torch.Tensor = x, y: torch.Tensor = y) -> np.ndarray:
            every = scipy.spatial.distance.cdist(x.double().numpy(), y.double().numpy())
            found: np.ndarray = every.min(1)
            return found

        if dim < 2048:
            yield Pair(f"{name}: cKDTree", own, tree)
        yield Pair(f"{name}: cdist", own, table)
    z = _features(2000, 64, 2)
    yield Pair(
        "third neighbour, 2,000 x 64: cKDTree",
        lambda: squared_radii(z, 3).sqrt().numpy(),
        lambda: scipy.spatial.cKDTree(z.double().numpy()).query(z.double().numpy(), 4)[0][:, 3],
    )


def divergence() -> Iterator[Pair]:
    """The Inception Score of 5,000 images and 1,008 classes."""
    logits = 3 * torch.randn(5000, 1008, generator=torch.Generator().manual_seed(0))

    def library() -> float:
        log_p = scipy.special.log_softmax(logits.double().numpy(), axis=1)
        p = np.exp(log_p)[np.random.RandomState(2020).permutation(len(log_p))]
        parts = np.array_split(p, 10)
        kl = [scipy.special.rel_entr(part, part.mean(0)).sum(1).mean() for part in parts]
        return float(np.exp(kl).mean())

    yield Pair(
        "Inception Score, 5,000 x 1,008: scipy.special",
        lambda: inception_score(logits).mean,
        library,
    )


def bootstrap() -> Iterator[Pair]:
    """The standard error of a median of 2,000 values, 200 resamples."""
    values = _features(2000, 1, 0).double().flatten()

    def loop() -> float:
        draw = torch.Generator().manual_seed(0)
        medians = [
            values[torch.randint(2000, (2000,), generator=draw)].median() for _ in range(200)
        ]
        return float(torch.stack(medians).std())

    def library() -> float:
        found = scipy.stats.bootstrap(
            (values.numpy(),), np.median, n_resamples=200, method="percentile", rng=0
        )
        return float(found.standard_error)

    yield Pair("bootstrap of a median, 2,000 values: scipy.stats.bootstrap", loop, library)


def augmentation() -> Iterator[Pair]:
    """Changes to a batch, forward and backward, each image with numbers of its own."""
    tv = torchvision_module("transforms.v2.functional")

    for batch, side in ((64, 28), (64, 64)):
        images = torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(0)) - 0.5
        draws = torch.rand(batch, 4, generator=torch.Generator().manual_seed(1))
        most, hole = round(side / 8), round(side / 2)

        def moved(leaf: torch.Tensor, draws: torch.Tensor, most: int) -> torch.Tensor:
            shifts = ((draws[:, 1:3] * (2 * most + 1)).floor() - most).int().tolist()
            return torch.stack(
                [
                    tv.affine(image, 0.0, [right, down], 1.0, [0.0, 0.0])
                    for image, (down, right) in zip(leaf, shifts, strict=True)
                ]
            )

        def cut(leaf: torch.Tensor, draws: torch.Tensor, hole: int, side: int) -> torch.Tensor:
            firsts = ((draws[:, 1:3] * (side + 1 - hole % 2)).floor() - hole // 2).int().tolist()
            found = []
            for image, (top, left) in zip(leaf, firsts, strict=True):
                height, width = min(hole, top + hole), min(hole, left + hole)
                top, left = max(0, top), max(0, left)
                blank = torch.zeros(1)
                found.append(tv.erase(image, top, left, height, width, blank))
            return torch.stack(found)

        def own(name: str, images: torch.Tensor = images, draws: torch.Tensor = draws) -> Any:
            return _differentiate(lambda leaf: Augment((name,))(leaf, draws), images)

        def by_affine(images: Any = images, draws: Any = draws, most: int = most) -> Any:
            return _differentiate(lambda leaf: moved(leaf, draws, most), images)

        def by_erase(images: Any = images, d: Any = draws, h: int = hole, s: int = side) -> Any:
            return _differentiate(lambda leaf: cut(leaf, d, h, s), images)

        name = f"{batch} images, {side}x{side}"
        yield Pair(f"translation of {name}: affine", partial(own, "translation"), by_affine)
        yield Pair(f"cutout of {name}: erase", partial(own, "cutout"), by_erase)


def _differentiate(change: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> Any:
    leaf = images.clone().requires_grad_()
    changed = change(leaf)
    changed.square().sum().backward()
    return changed.detach().numpy()


def resizing() -> Iterator[Pair]:
    """Pictures in memory to another size: Pillow's Lanczos filter, and what tensors have."""
    tv = torchvision_module("transforms.v2.functional")
    modes = torchvision_module("transforms.v2").InterpolationMode

    smooth = torch.randn(500, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    big = torch.nn.functional.interpolate(smooth, (64, 64), mode="bicubic") * 50 + 128
    noise = 10 * torch.randn(big.shape, generator=torch.Generator().manual_seed(1))
    images = (big + noise).clamp(0, 255).to(torch.uint8)
    array = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    for side in (32, 96):
        for mode in ("bicubic", "bilinear"):

            def library(side: int = side, mode: str = mode) -> np.ndarray:
                found: torch.Tensor = tv.resize(images, [side, side], modes(mode), antialias=True)
                return found.permute(0, 2, 3, 1).numpy()

            yield Pair(
                f"500 images, 64x64 to {side}x{side}: resize, {mode}",
                partial(convert, array, size=(side, side), channels=None),
                library,
                pixels=True,
            )


def sheets() -> Iterator[Pair]:
    """64 images as one sheet."""
    make_grid = torchvision_module("utils").make_grid

    for side, channels in ((28, 1), (64, 3)):
        images = np.random.default_rng(0).integers(0, 256, (64, side, side, channels), np.uint8)

        def library(images: np.ndarray = images) -> np.ndarray:
            batch = torch.from_numpy(images).permute(0, 3, 1, 2)
            found: torch.Tensor = make_grid(batch, nrow=8, padding=0)[: images.shape[3]]
            return found.permute(1, 2, 0).contiguous().numpy()

        yield Pair(
            f"sheet of 64 images, {side}x{side}x{channels}: make_grid",
            partial(grid, images, 8),
            library,
            pixels=True,
        )


PARTS: dict[str, Callable[[], Iterator[Pair]]] = {
    "frechet": frechet,
    "neighbours": neighbours,
    "divergence": divergence,
    "bootstrap": bootstrap,
    "augmentation": augmentation,
    "resizing": resizing,
    "sheets": sheets,
}
IMPORTS = {
    "torch": "torch",
    "torch, torchvision": (
        "torch; from genctl.compat import torchvision; torchvision.import_torchvision()"
    ),
    "torch, scipy.stats": "torch, scipy.stats",
    "torch, scipy.special": "torch, scipy.special",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=[*PARTS, "imports"])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(1), "\n")
    if options.only != "imports":
        print("| | genctl, ms | library, ms | library / genctl | difference |")
        print("|---|--:|--:|--:|--:|")
    for name, pairs in PARTS.items():
        if options.only in (None, name):
            for pair in pairs():
                print(_row(pair, options.rounds), flush=True)
    if options.only in (None, "imports"):
        print("\n| import | s |\n|---|--:|")
        for name, code in IMPORTS.items():
            print(f"| {name} | {_import_seconds(code, options.rounds):.2f} |", flush=True)


def _row(pair: Pair, rounds: int) -> str:
    first, second = np.asarray(pair.own()), np.asarray(pair.library())  # warms both up
    taken = [(_seconds(pair.own), _seconds(pair.library)) for _ in range(rounds)]
    own, library = (statistics.median(times) for times in zip(*taken, strict=True))
    ratio = statistics.median(b / a for a, b in taken)
    if pair.pixels:
        apart = f"{np.abs(first.astype(int) - second.astype(int)).max()} of 255"
    else:
        apart = f"{np.abs(first - second).max() / np.abs(first).max():.1e}"
    return f"| {pair.name} | {1e3 * own:.1f} | {1e3 * library:.1f} | {ratio:.2f} | {apart} |"


def _seconds(work: Callable[[], Any]) -> float:
    """Of the processor, so that other work of the machine does not count."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _import_seconds(code: str, rounds: int) -> float:
    report = f"import time, {code}; print(time.process_time())"
    command = [sys.executable, "-c", report]
    return statistics.median(
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(rounds)
    )


def _features(count: int, dim: int, seed: int) -> torch.Tensor:
    """``(count, dim) float32`` behind a rectifier, with a spectrum that falls."""
    random = np.random.default_rng(seed)
    layer = np.random.default_rng(9).standard_normal((dim, dim)) / dim**0.5
    scales = 1 / np.sqrt(1 + np.arange(dim))
    hidden = (random.standard_normal((count, dim)) + 0.1 * seed) * scales @ layer * 6
    return torch.from_numpy(np.maximum(hidden + 0.3, 0).astype(np.float32))


if __name__ == "__main__":
    main()
