"""The generated pages have all verbs, options, statuses and variables."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from genctl.cli.statuses import MEANINGS
from genctl.config.variables import VARIABLES
from genctl.registry import METRICS
from tests.command_line import Type

ROOT = Path(__file__).parents[2]
VERBS = [
    *("demo", "models", "train", "sample", "eval", "compare", "watch", "export", "info", "doctor"),
    *("data check", "data clean", "data label", "data ls", "data stats"),
    *("runs ls", "runs show", "runs rm"),
]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(reference: ModuleType) -> dict[str, str]:
    return dict(reference.pages())


@pytest.mark.parametrize("verb", VERBS)
def test_the_pages_have_every_verb_and_option(
    type_: Type, pages: dict[str, str], verb: str
) -> None:
    page = pages[f"verbs/{verb.split()[0]}.md"]
    section = page.partition(f" genctl {verb}\n")[2].partition("\n#")[0]
    for option in re.findall(
        r"^  (?:-\w, )?(--[\w-]+)", type_(*verb.split(), "--help-all").out, flags=re.MULTILINE
    ):
        assert re.search(rf"^  (-\w, )?{option}\b", section, flags=re.MULTILINE), option


def test_older_names_have_no_pages(pages: dict[str, str]) -> None:
    assert "verbs/stats.md" not in pages
    assert "genctl runs compare" not in pages["verbs/runs.md"]
    assert "`genctl stats`" in pages["environment.md"]


def test_the_pages_have_statuses_and_variables(pages: dict[str, str]) -> None:
    for status in MEANINGS:
        assert f"| {int(status)} |" in pages["exit-status.md"]
    for name in VARIABLES:
        assert f"`{name}`" in pages["environment.md"]


def test_families_have_pages_of_their_own(pages: dict[str, str]) -> None:
    assert "**`digits`**" in pages["families/gan.md"]
    assert "<code>model.width</code>" in pages["families/gan.md"]


def test_every_metric_is_listed_with_its_scores(pages: dict[str, str]) -> None:
    page = pages["metrics.md"]
    for spec in METRICS.all():
        for part in spec.parts:
            assert f"<code>{part}</code>" in page
    assert "<code>fd:EXTRACTOR</code>" in page
    assert "smaller is better" in page
