"""Digits after so many seconds of training, judged by a network that had no part in it.

The judge (``judge.py``) neither trained anything nor chose a checkpoint. All contenders get the
same digits, and at most `EVALUATIONS` looks of their network at each of the 2,000 samples. The
seconds of genctl include its start and its end, those of the others only their steps.

- ``FD``: Fréchet distance of the samples (labels in turn) to the held-out digits;
- ``recognised``: how many the judge takes for the class they were asked to be;
- ``nearest``: how far a sample is from its nearest training digit, in the judge's features, as a
  share of what held-out digits are from theirs, medians. Below 1 it would remember.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusion_recipes import EVALUATIONS, Pixels, Trained, denoising_diffusion, plain_trial
from judge import Judge, load_judge

import genctl
from genctl.data.images.sets.digits import load_digits
from genctl.evaluation.measures.frechet import Gaussian, frechet_distance

SAMPLES = 2000
Contender = Callable[[float, int, int], Trained]
"""From seconds, a seed and a number of threads."""


@dataclass(frozen=True)
class Row:
    """What one contender reached with one seed; a contender without classes is not recognised."""

    parameters: int
    images: int
    distance: float
    recognised: float
    nearest: float


def run(
    seconds: float, seeds: Sequence[int], threads: int, names: Sequence[str], rate: float
) -> str:
    """The table as Markdown: medians, and each seed.

    Args:
        rate: the peer's learning rate.
    """
    contenders: dict[str, Contender] = {**CONTENDERS, PEER: partial(_peer, rate=rate)}
    examiner = Examiner()
    found: dict[str, list[Row]] = {name: [] for name in names}
    for seed in seeds:
        for name in names:
            found[name].append(examiner.row(contenders[name](seconds, seed, threads), name))
            print(name, seed, found[name][-1], file=sys.stderr, flush=True)
    return _table(found, examiner.floor())


class Examiner:
    """The judge, with what it sees in real digits."""

    def __init__(self) -> None:
        self._judge: Judge = load_judge()
        self._train, self._test = load_digits("train")[0], load_digits("test")[0]
        self._known = torch.from_numpy(self._judge.features(self._train))
        unseen = torch.from_numpy(self._judge.features(self._test))
        self._held_out = Gaussian.fit(unseen)
        self._usual = self._gap(unseen)

    def row(self, trained: Trained, name: str) -> Row:
        """Have the contender draw, and judge it."""
        pixels = trained.sample(SAMPLES)
        asked = np.arange(SAMPLES) % 10
        features = torch.from_numpy(self._judge.features(pixels))
        return Row(
            trained.parameters,
            trained.images,
            frechet_distance(Gaussian.fit(features), self._held_out),
            np.nan if name == PEER else float((self._judge.predict(pixels) == asked).mean()),
            self._gap(features) / self._usual,
        )

    def floor(self) -> float:
        """Where as many real training digits stand."""
        chosen = np.random.default_rng(0).permutation(len(self._train))[:SAMPLES]
        return self.distance(self._train[chosen])

    def distance(self, pixels: Pixels) -> float:
        """Of these digits, ``(N, 28, 28, 1) uint8``, to the held-out ones."""
        features = torch.from_numpy(self._judge.features(pixels))
        return frechet_distance(Gaussian.fit(features), self._held_out)

    def _gap(self, features: torch.Tensor) -> float:
        return torch.cdist(features, self._known).amin(1).median().item()


def _preset(seconds: float, seed: int, threads: int) -> Trained:
    run = Path(tempfile.mkdtemp(prefix="diffusion-")) / "run"
    train(run, seconds, seed, threads, "--device", "cpu")
    model = genctl.load(run, device="cpu")

    def sample(n: int) -> Pixels:
        return model.sample(n, seed=1000 + seed, batch_size=250).array

    size = sum(p.numel() for p in model.trained.modules["denoiser"].parameters())
    return Trained(json.loads((run / "last.json").read_text())["position"], size, sample)


def train(
    run: Path, seconds: float, seed: int, threads: int, *options: str, preset: str = "digits"
) -> None:
    """``genctl train diffusion`` on digits."""
    command = [sys.executable, "-m", "genctl", "train", "diffusion", "--preset", preset]
    command += ["--out", str(run), "--budget", f"{seconds:g}s", "--seed", str(seed), "--quiet"]
    subprocess.run([*command, "--threads", str(threads), *options], check=True)


def _plain(seconds: float, seed: int, threads: int) -> Trained:
    pixels, labels = load_digits("train")
    return plain_trial(pixels, labels, seconds, seed)


def _peer(seconds: float, seed: int, _threads: int, rate: float = 1e-3) -> Trained:
    return denoising_diffusion(load_digits("train")[0], seconds, seed, rate)


PEER = "denoising-diffusion-pytorch"
CONTENDERS: dict[str, Contender] = {
    "digits": _preset,
    "plain trial": _plain,
    PEER: _peer,
}


def _table(found: dict[str, list[Row]], floor: float) -> str:
    lines = [
        f"At most {EVALUATIONS} evaluations a sample; median (each seed).",
        "",
        "| | parameters | images seen | FD | recognised | nearest |",
        "|---|---:|---:|---|---:|---:|",
        f"| {SAMPLES:,} real training digits | | | {floor:.2f} | | |",
    ]
    for name, rows in found.items():
        distances = [row.distance for row in rows]
        recognised = statistics.median(row.recognised for row in rows)
        lines.append(
            f"| {name} | {rows[0].parameters:,} | {statistics.median(r.images for r in rows):,.0f} "
            f"| {statistics.median(distances):.2f} ({', '.join(f'{d:.2f}' for d in distances)}) "
            f"| {'' if np.isnan(recognised) else f'{recognised:.1%}'} "
            f"| {statistics.median(row.nearest for row in rows):.2f} |"
        )
    return "\n".join(lines)
