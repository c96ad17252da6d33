"""GANs of 1,236 small colour pictures: two presets, a plain DCGAN and lightweight-gan.

`small-64` is what genctl takes for such pictures; `dcgan` is the DCGAN with the same game (losses,
penalties, augmentation, averages) around its strided convolutions.

Each trains on ``emoji`` for the same minutes; as many samples as there are training pictures are
then compared with those by a network pretrained on ImageNet (``colour_judge.py``) that none of them
saw. Contenders run side by side, each on cores of its own, so that what else the machine does harms
them alike.

    python benchmarks/gan_colour.py --minutes 15 --seeds 0,1,2
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import side_by_side
from colour_judge import ColourJudge
from gan_colour_peers import PEERS
from machine import machine

import genctl
from genctl.data.images.drawing import grid, save_png
from genctl.data.images.sets.emoji import load_emoji
from genctl.engine.optim.precision import multiplies_bf16

OURS = {f"genctl {preset}": preset for preset in ("small-64", "dcgan")}
SHOWN = 64


@dataclass(frozen=True)
class Row:
    """What one contender reached with one seed."""

    contender: str
    seed: int
    images: int
    distance: float


def main() -> None:
    options = side_by_side.parser(__doc__, 15).parse_args()
    root = options.out or Path(tempfile.mkdtemp(prefix="gan_colour-"))
    root.mkdir(parents=True, exist_ok=True)
    images, labels, _ = load_emoji("train")
    judge = ColourJudge(images)
    turns = side_by_side.turns(options, [*OURS, *PEERS])
    commands = [partial(_command, root, options.minutes, *turn) for turn in turns]
    side_by_side.run(commands, options.beside)
    rows = []
    for name, seed in turns:
        made, seen = _made(name, seed, root, labels)
        save_png(root / f"{_stem(name, seed)}.png", grid(made[:: len(made) // SHOWN][:SHOWN]))
        rows.append(Row(name, seed, seen, judge.distance(made)))
        print(rows[-1], file=sys.stderr, flush=True)
    print(_table(rows, options))


def _stem(name: str, seed: int) -> str:
    return f"{name.replace(' ', '-')}-{seed}"


def _command(root: Path, minutes: float, name: str, seed: int, threads: int) -> list[str]:
    out = root / _stem(name, seed)
    if name in OURS:
        train = f"-m genctl train gan --preset {OURS[name]} --data emoji --seed {seed} --quiet"
        return [
            *train.split(),
            f"--budget={minutes * 60:g}s",
            f"--threads={threads}",
            f"--out={out}",
        ]
    script = str(Path(__file__).with_name("gan_colour_peers.py"))
    words = [script, name, f"--minutes={minutes}", f"--seed={seed}", f"--out={out}.npz"]
    return [*words, "--bf16"] if multiplies_bf16() else words


def _made(name: str, seed: int, root: Path, labels: np.ndarray) -> tuple[np.ndarray, int]:
    """As many samples as there are training pictures, and how many images training saw."""
    out = root / _stem(name, seed)
    if name not in OURS:
        with np.load(f"{out}.npz") as archive:
            return archive["arr_0"], int(archive["seen"])
    model = genctl.load(out)
    samples = model.sample(len(labels), seed=1000 + seed, labels=labels.tolist(), batch_size=128)
    return samples.array, json.loads((out / "last.json").read_text())["position"]


def _table(rows: list[Row], options: argparse.Namespace) -> str:
    lines = [
        f"{options.minutes:g} minutes each, "
        f"{machine(side_by_side.threads_of_each(options.beside))}",
        "",
        "| contender | images seen | FD, median (all) |",
        "|---|--:|---|",
    ]
    for name in dict.fromkeys(row.contender for row in rows):
        mine = [row for row in rows if row.contender == name]
        distances = [row.distance for row in mine]
        lines.append(
            f"| {name} | {statistics.median(row.images for row in mine):,.0f} | "
            f"{statistics.median(distances):.1f} ({', '.join(f'{d:.1f}' for d in distances)}) |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
