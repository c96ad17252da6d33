"""What descriptions name as ``module:attribute`` exists, and lies in their layer or below.

The linter of imports does not see such texts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TARGET = re.compile(r'"(genctl(?:\.\w+)+):(\w+)"')
ROOMS = ("data", "families", "evaluation", "outputs")
"""The rooms that hold descriptions; `registry` finds them by name, and so points upwards."""

UPWARDS = {
    "genctl.api.datasets.image_labels": "the bundled classifier is an extractor of evaluation",
    "genctl.api.evaluation.image_scoring": "it scores models, which api loads",
}
"""Targets above their description -> why they cannot be below."""


def layers() -> dict[str, int]:
    """Room -> its height."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = document["tool"]["importlinter"]["contracts"]
    [rows] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return {room: height for height, row in enumerate(reversed(rows)) for room in row.split(" | ")}


def targets() -> Iterator[tuple[str, str, str]]:
    """Room of the description, module, attribute."""
    for room in ROOMS:
        for path in (ROOT / "src" / "genctl" / room).rglob("*.py"):
            for module, attribute in TARGET.findall(path.read_text("utf-8")):
                yield room, module, attribute


def test_targets_lie_below_their_description() -> None:
    height = layers()
    above = {module for room, module, _ in targets() if height[module.split(".")[1]] > height[room]}
    assert above == set(UPWARDS)


def test_targets_exist() -> None:
    found = list(targets())
    assert len(found) > 20
    for _, module, attribute in found:
        path = ROOT / "src" / Path(*module.split(".")).with_suffix(".py")
        assert re.search(rf"^(?:def|class) {attribute}\b", path.read_text("utf-8"), re.MULTILINE)
