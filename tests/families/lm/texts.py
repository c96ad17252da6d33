"""Small texts that a small model learns something from in a few steps."""

from __future__ import annotations

import random
from pathlib import Path

LATIN = ("the", "cat", "sat", "on", "mat", "and", "a", "dog", "ran", "to", "man", "hat", "his")
CHINESE = "春眠不觉晓处处闻啼鸟夜来风雨声花落知多少"


def latin(path: Path, characters: int = 6_000) -> Path:
    """Sentences of short words."""
    choose = random.Random(0)
    text = ""
    while len(text) < characters:
        text += " ".join(choose.choices(LATIN, k=6)).capitalize() + ".\n"
    path.write_text(text, "utf-8")
    return path


def chinese(path: Path, characters: int = 3_000) -> Path:
    """Lines of five characters."""
    choose = random.Random(0)
    lines = ("".join(choose.choices(CHINESE, k=5)) + "。\n" for _ in range(characters // 7))
    path.write_text("".join(lines), "utf-8")
    return path
