"""The GAN preset `digits` against a plain trial and the classic MLP GAN: same digits, same minutes.

What they made is judged by a network of its own (``judge.py``), not by the bundled one that chooses
checkpoints. Contenders run side by side, each on cores of its own.

- ``FD``: Fréchet distance of 2,000 samples (labels in turn) to the held-out digits,
- ``recognised``: how many of them the judge takes for the class they were asked to be,
- ``coverage``: of the training digits (Naeem et al. 2020), over what held-out digits cover,
- ``classes``: how many of the ten make up at least 2 % of the samples; fewer is a collapse.

    python benchmarks/gan_digits.py --seeds 0,1,2,3,4
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import judge
import numpy as np
import side_by_side
import torch
from machine import machine

import genctl
from genctl.data.images.sets.digits import load_digits
from genctl.evaluation.measures.frechet import Gaussian, frechet_distance
from genctl.evaluation.measures.neighbours import density_coverage

SAMPLES = 2000
TRIAL = "plain trial"
CONTENDERS = ("digits", TRIAL, "mlp")


@dataclass(frozen=True)
class Row:
    """What one contender reached with one seed; NaN where nobody asked for classes."""

    contender: str
    seed: int
    images: int
    distance: float
    recognised: float
    coverage: float
    classes: int


class Ruler:
    """The judge, and what it makes of real digits."""

    def __init__(self) -> None:
        self._judge = judge.load_judge()
        training, held_out = (self._features(load_digits(s)[0]) for s in ("train", "test"))
        generator = np.random.default_rng(0)
        self._training = training[torch.from_numpy(generator.permutation(len(training))[:SAMPLES])]
        self._held_out = Gaussian.fit(held_out)
        self._covered = density_coverage(held_out[:SAMPLES], self._training).coverage.value

    @property
    def floor(self) -> float:
        """Where 2,000 training digits stand."""
        return frechet_distance(Gaussian.fit(self._training), self._held_out)

    def row(self, contender: str, seed: int, made: np.ndarray, labels: object, seen: int) -> Row:
        """The measures of some samples."""
        features, predicted = self._features(made), self._judge.predict(made)
        shares = np.bincount(predicted, minlength=10) / len(made)
        return Row(
            contender,
            seed,
            seen,
            frechet_distance(Gaussian.fit(features), self._held_out),
            float("nan") if labels is None else float((predicted == labels).mean()),
            density_coverage(features, self._training).coverage.value / self._covered,
            int((shares >= 0.02).sum()),
        )

    def _features(self, images: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self._judge.features(images))


def main() -> None:
    options = side_by_side.parser(__doc__, 5).parse_args()
    root = options.out or Path(tempfile.mkdtemp(prefix="gan_digits-"))
    root.mkdir(parents=True, exist_ok=True)
    turns = side_by_side.turns(options, CONTENDERS)
    commands = [partial(_command, root, options.minutes, *turn) for turn in turns]
    side_by_side.run(commands, options.beside)
    ruler = Ruler()
    rows = [ruler.row(name, seed, *_made(root, name, seed)) for name, seed in turns]
    print(_table(rows, ruler.floor, options))


def _stem(root: Path, name: str, seed: int) -> Path:
    return root / f"{name.replace(' ', '-')}-{seed}"


def _command(root: Path, minutes: float, name: str, seed: int, threads: int) -> Sequence[str]:
    out = _stem(root, name, seed)
    if name == TRIAL:
        script = str(Path(__file__).with_name("gan_trial.py"))
        return [script, f"--minutes={minutes}", f"--seed={seed}", f"--out={out}.npz"]
    words = f"-m genctl train gan --preset {name} --seed {seed} --threads {threads} --quiet"
    return [*words.split(), f"--budget={minutes * 60:g}s", f"--out={out}"]


def _made(root: Path, name: str, seed: int) -> tuple[np.ndarray, object, int]:
    """Samples, their labels if they have any, and how many images training saw."""
    out = _stem(root, name, seed)
    if name == TRIAL:
        with np.load(f"{out}.npz") as archive:
            return archive["arr_0"], archive["arr_1"], int(archive["seen"])
    samples = genctl.load(out).sample(SAMPLES, seed=1000 + seed, batch_size=250)
    return samples.array, samples.labels, json.loads((out / "last.json").read_text())["position"]


def _table(rows: list[Row], floor: float, options: argparse.Namespace) -> str:
    where = machine(side_by_side.threads_of_each(options.beside))
    lines = [
        f"{options.minutes:g} minutes each, {where}; {SAMPLES} samples; median (all)",
        "",
        "| contender | images | FD | recognised | coverage | classes |",
        "|---|--:|---|---|---|--:|",
        f"| {SAMPLES} training digits | | {floor:.2f} | | | 10 |",
    ]
    for name in dict.fromkeys(row.contender for row in rows):
        mine = [row for row in rows if row.contender == name]
        images = statistics.median(row.images for row in mine)
        recognised = [row.recognised for row in mine]
        share = "not by class" if np.isnan(recognised[0]) else _several(recognised, "{:.1%}")
        distances = _several([row.distance for row in mine], "{:.2f}")
        coverage = _several([row.coverage for row in mine], "{:.3f}")
        classes = min(row.classes for row in mine)
        lines.append(f"| {name} | {images:,.0f} | {distances} | {share} | {coverage} | {classes} |")
    print("\n".join(map(str, rows)), file=sys.stderr)
    return "\n".join(lines)


def _several(values: list[float], form: str) -> str:
    every = ", ".join(form.format(value) for value in values)
    return f"{form.format(statistics.median(values))} ({every})"


if __name__ == "__main__":
    main()
