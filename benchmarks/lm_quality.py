"""Nats a character after so many seconds: nanoGPT's recipe, a plain trial, and ``tiny-cpu``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lm_recipes
import torch
from lm_text import Chars, nats_per_character

import genctl


@dataclass(frozen=True)
class Row:
    """What one contender reached with one seed; nats a character by the context it was given."""

    name: str
    seed: int
    parameters: int
    seen: int
    nats: dict[int, float]


def run(source: str, seconds: float, seeds: Sequence[int], threads: int) -> str:
    """Train all contenders in turn for each seed; the table as Markdown."""
    torch.set_num_threads(threads)
    chars = Chars.of(source)
    rows = []
    for seed in seeds:
        for contender in (_nanogpt, _plain, _preset):
            rows.append(contender(chars, source, seconds, seed, threads))
            print(rows[-1], file=sys.stderr, flush=True)
    return _table(rows, seeds)


def _nanogpt(chars: Chars, source: str, seconds: float, seed: int, threads: int) -> Row:
    learnt = lm_recipes.nanogpt(chars, seconds, seed)
    nats = {64: nats_per_character(learnt.predict, chars.valid, 64)}
    return Row("nanoGPT's recipe", seed, learnt.parameters, learnt.seen, nats)


def _plain(chars: Chars, source: str, seconds: float, seed: int, threads: int) -> Row:
    learnt = lm_recipes.plain_trial(chars, seconds, seed)
    nats = {length: nats_per_character(learnt.predict, chars.valid, length) for length in (64, 256)}
    return Row("plain trial", seed, learnt.parameters, learnt.seen, nats)


def _preset(chars: Chars, source: str, seconds: float, seed: int, threads: int) -> Row:
    with tempfile.TemporaryDirectory(prefix="lm-") as folder:
        out = Path(folder) / "run"
        words = ["train", "lm", "--preset", "tiny-cpu", "--data", source, "--tokenizer", "char"]
        words += ["--budget", f"{seconds:g}s", "--seed", str(seed), "--threads", str(threads)]
        subprocess.run(
            [sys.executable, "-m", "genctl", *words, "--out", str(out), "-q"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        model = genctl.load(out)
        position = json.loads((out / "last.json").read_text())["position"]
        network = model.trained.modules["model"]
        nats = {length: nats_per_character(network, chars.valid, length) for length in (64, 256)}
    size = sum(parameter.numel() for parameter in network.parameters())
    return Row("`tiny-cpu`", seed, size, position * model.data.shape[0], nats)


def _table(rows: Sequence[Row], seeds: Sequence[int]) -> str:
    lines = [
        f"| | parameters | characters seen | nats at 64 | nats at 256 | (seeds {list(seeds)})",
        "|---|---:|---:|---|---|",
    ]
    for name in dict.fromkeys(row.name for row in rows):
        own = [row for row in rows if row.name == name]
        seen = sum(row.seen for row in own) / len(own)
        cells = [
            _cell([row.nats[length] for row in own if length in row.nats]) for length in (64, 256)
        ]
        lines.append(f"| {name} | {own[0].parameters:,} | {seen:,.0f} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    each = ", ".join(f"{value:.3f}" for value in values)
    return f"{sum(values) / len(values):.3f} ({each})"
