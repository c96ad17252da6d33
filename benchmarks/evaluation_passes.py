"""What caching saves, and what a pass over many images takes of memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.evaluation.extractors.inception_files import random_inception

IMAGES, SIDE = 400, 64
COUNTS = (1_000, 10_000, 50_000)
_PASS = """
import sys, threading, time
import numpy as np
import genctl

def anonymous():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024

def draw(places):
    coarse = np.random.default_rng(places[0]).integers(0, 256, (len(places), 8, 8, 3), np.uint8)
    return coarse.repeat(16, 1).repeat(16, 2)

peak, over = 0.0, False
def watch():
    global peak
    while not over:
        peak = max(peak, anonymous())
        time.sleep(0.02)

threading.Thread(target=watch, daemon=True).start()
genctl.evaluate("fid", draw, ref=sys.argv[2], n=int(sys.argv[1]), extractor="rand")
over = True
print(f"{peak:.0f}")
"""


def run_cache(rounds: int, _device: str) -> str:
    """``eval fid`` of as many generated as real images: first with an empty cache, then again."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        weights = folder / "inception.pth"
        torch.save(random_inception(seed=0), weights)
        for name, seed in (("real", 0), ("generated", 1)):
            _pictures(folder / name, seed)
        shares = []
        for number in range(max(1, rounds // 2)):
            seconds = [_evaluate(folder, weights, f"cache{number}") for _ in range(2)]
            shares.append(seconds)
    first, second = (statistics.median(column) for column in zip(*shares, strict=True))
    return f"first {first:.1f} s, second {second:.1f} s: {second / first:.0%}, start included"


def run_memory(_rounds: int, _device: str) -> str:
    """Peak anonymous memory of ``evaluate`` of a function's images, 128x128."""
    lines = ["| images | MiB |", "|--:|--:|"]
    with tempfile.TemporaryDirectory() as root:
        _pictures(Path(root) / "real", 0)
        for count in COUNTS:
            command = [sys.executable, "-c", _PASS, str(count), str(Path(root) / "real")]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            lines.append(f"| {count:,} | {done.stdout.strip()} |")
    return "\n".join(lines)


def _evaluate(folder: Path, weights: Path, cache: str) -> float:
    command = [sys.executable, "-m", "genctl", "eval", "fid", "generated", "--ref", "real"]
    begun = time.perf_counter()
    subprocess.run(
        [*command, "--extractor-weights", str(weights), "--quiet"],
        cwd=folder,
        env={**os.environ, "GENCTL_CACHE": str(folder / cache)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - begun


def _pictures(folder: Path, seed: int) -> None:
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(IMAGES):
        coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
