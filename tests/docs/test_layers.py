"""The layers that `docs/architecture.md` shows are those that the linter checks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_layers_of_the_page_are_those_of_the_linter() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    shown = re.search(r"<!-- layers -->\n```\n(.*?)\n```\n<!-- /layers -->", page, re.DOTALL)
    assert shown is not None
    assert shown[1].split("\n") == layers
