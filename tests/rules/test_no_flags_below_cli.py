"""Below the command line nothing knows how an option is typed; `genctl.errors` says why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import genctl

ROOT = Path(genctl.__file__).parent
VERBS = (
    "compare", "config", "data", "demo", "doctor", "eval", "explain", "export", "info", "models",
    "report", "runs", "sample", "search", "serve", "stats", "train", "watch",
)  # fmt: skip
SPELT = re.compile(rf"(?<![\w-])--[A-Za-z]|\bgenctl (?:{'|'.join(VERBS)})\b")
EXEMPT = {
    "api/models/cards.py": ("--", "the command of a README, which trains the same again"),
    "engine/parallel/process_group.py": ("--nproc-per-node", "an option of torchrun"),
    "data/images/sets/digits.py": ("--force-reinstall --no-deps", "options of pip"),
    "evaluation/extractors/digit_net.py": ("--force-reinstall --no-deps", "options of pip"),
    "export/card.py": ("genctl ", "templates of a README, which shows the command line too"),
    "export/diffusers/usage.py": ("genctl ", "a template of a README"),
}
"""Module -> what its texts may hold, and why."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def spelt(name: str, text: str) -> bool:
    allowed, _ = EXEMPT.get(name, ("", ""))
    return SPELT.search(text) is not None and not (allowed and allowed in text)


def test_no_option_or_command_line_is_spelt_below_the_command_line() -> None:
    found = [
        f"{name}:{line}: {text.strip()[:80]}"
        for path in sorted(ROOT.rglob("*.py"))
        if not (name := path.relative_to(ROOT).as_posix()).startswith("cli/")
        for line, text in texts(path)
        if spelt(name, text)
    ]
    assert found == []


def test_each_exemption_is_needed() -> None:
    for name in EXEMPT:
        assert any(SPELT.search(text) for _, text in texts(ROOT / name)), name


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("--n 0 is below 1", True),
        ("leave `--n` out", True),
        ("(--new)", True),
        ("genctl eval fid", True),
        ("a -- b", False),
        ("a--b", False),
        ("genctl evaluates", False),
        ("genctl.train", False),
    ],
)
def test_the_rule_itself(text: str, wrong: bool) -> None:
    assert spelt("anywhere.py", text) is wrong
