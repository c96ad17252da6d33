"""The GAN preset `digits` against the classic MLP GAN: same digits, same minutes, same machine.

Both presets train for ``--minutes`` of wall clock, in turn: each runs for a slice, is stopped by
SIGTERM, and goes on after the other's slice, so that a machine whose speed drifts treats both
alike. What they made is judged by a network of its own (``judge.py``), not by the bundled one that
chose their best checkpoints:

- ``FD``: Fréchet distance of 2,000 samples (labels in turn) to the held-out digits,
- ``recognised``: how many of the 2,000 the judge takes for the class they were asked to be,
- ``classes``: how many of the ten make up at least 2 % of the samples.

    python benchmarks/gan_digits.py --seeds 0,1,2
"""

from __future__ import annotations

import argparse
import json
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import judge
import numpy as np
import torch

import genctl
from genctl.data.digits import load_digits
from genctl.evaluation.frechet import Gaussian, frechet_distance

SAMPLES = 2000
PRESETS = ("digits", "mlp")


@dataclass(frozen=True)
class Row:
    """What one preset reached with one seed."""

    preset: str
    seed: int
    images: int
    distance: float
    recognised: float
    classes: int


def main() -> None:
    options = _options()
    network = judge.load_judge()
    held_out = _seen(network, load_digits("test")[0])
    rows = []
    for seed in map(int, options.seeds.split(",")):
        for preset, run in _train_in_turn(options, seed).items():
            rows.append(_judge(network, held_out, run, preset, seed))
            print(rows[-1], file=sys.stderr, flush=True)
    print(_table(rows, _floor(network, held_out), options.minutes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5, help="of each preset and seed")
    parser.add_argument("--slices", type=int, default=3, help="turns that each preset takes")
    parser.add_argument("--seeds", default="0", help="e.g. 0,1,2")
    parser.add_argument("--out", type=Path, default=None, help="keep the runs here")
    return parser.parse_args()


def _train_in_turn(options: argparse.Namespace, seed: int) -> dict[str, Path]:
    root = options.out or Path(tempfile.mkdtemp(prefix="gan_digits-"))
    runs = {preset: root / f"{preset}-{seed}" for preset in PRESETS}
    for turn in range(options.slices):
        last = turn == options.slices - 1
        for preset, run in runs.items():
            _train(run, preset, seed, options.minutes, None if last else options.slices)
    return runs


def _train(run: Path, preset: str, seed: int, minutes: float, slices: int | None) -> None:
    """Train for one slice, or to the end of the budget when there is no ``slices``."""
    command = [
        sys.executable,
        "-m",
        "genctl",
        "train",
        "gan",
        "--preset",
        preset,
        "--out",
        str(run),
    ]
    command += ["--budget", f"{minutes * 60:g}s", "--seed", str(seed), "--quiet"]
    process = subprocess.Popen(command)
    if slices is None:
        process.wait()
        return
    try:
        process.wait(timeout=minutes * 60 / slices)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _judge(network: judge.Judge, held_out: Gaussian, run: Path, preset: str, seed: int) -> Row:
    samples = genctl.load(run).sample(SAMPLES, seed=1000 + seed, batch_size=250)
    images = samples.array
    predicted = network.predict(images)
    shares = np.bincount(predicted, minlength=10) / SAMPLES
    recognised = np.nan if samples.labels is None else float((predicted == samples.labels).mean())
    return Row(
        preset,
        seed,
        json.loads((run / "last.json").read_text())["position"],
        frechet_distance(_seen(network, images), held_out),
        recognised,
        int((shares >= 0.02).sum()),
    )


def _seen(network: judge.Judge, images: np.ndarray) -> Gaussian:
    return Gaussian.fit(torch.from_numpy(network.features(images)))


def _floor(network: judge.Judge, held_out: Gaussian) -> float:
    """Where 2,000 real training digits stand."""
    images = load_digits("train")[0]
    chosen = np.random.default_rng(0).permutation(len(images))[:SAMPLES]
    return frechet_distance(_seen(network, images[chosen]), held_out)


def _table(rows: list[Row], floor: float, minutes: float) -> str:
    lines = [
        f"{minutes:g} minutes each on {torch.get_num_threads()} cores "
        f"({platform.processor() or platform.machine()}), torch {torch.__version__}, "
        f"seeds {sorted({row.seed for row in rows})}; {SAMPLES} samples; median (all)",
        "",
        "| preset | images | FD | recognised | classes |",
        "|---|---|---|---|---|",
        f"| {SAMPLES} training digits | | {floor:.2f} | | 10 |",
    ]
    for preset in PRESETS:
        mine = [row for row in rows if row.preset == preset]
        images = statistics.median(row.images for row in mine)
        distances = [row.distance for row in mine]
        recognised = statistics.median(row.recognised for row in mine)
        share = "not by class" if np.isnan(recognised) else f"{recognised:.1%}"
        lines.append(
            f"| {preset} | {images:,.0f} | {statistics.median(distances):.2f} "
            f"({', '.join(f'{d:.2f}' for d in distances)}) | {share} | "
            f"{min(row.classes for row in mine)} |"
        )
    ratio = statistics.median(r.distance for r in rows if r.preset == "mlp") / statistics.median(
        r.distance for r in rows if r.preset == "digits"
    )
    return "\n".join([*lines, "", f"mlp / digits: {ratio:.0f}"])


if __name__ == "__main__":
    main()
