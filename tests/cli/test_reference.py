"""``docs/cli.md`` is what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from genctl.cli.environment import ENVIRONMENT
from genctl.cli.statuses import MEANINGS
from tests.cli.conftest import Type

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


def test_the_page_is_up_to_date(reference: ModuleType) -> None:
    written = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert reference.cli_page() == written, "run: python tools/reference.py"


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_has_every_verb_and_option(type_: Type, verb: str) -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    level = "###" if " " in verb else "##"
    section = page.partition(f"\n{level} {verb}\n")[2].partition("\n## ")[0]
    common = page.partition("## Options of every command")[2].partition("\n## ")[0]
    for option in re.findall(
        r"^  (?:-\w, )?(--[\w-]+)", type_(*verb.split(), "--help-all").out, flags=re.MULTILINE
    ):
        assert re.search(rf"^(-\w, )?{option}\b", section + common, flags=re.MULTILINE), option


def test_the_page_has_statuses_and_variables() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for name in (*(str(int(status)) for status in MEANINGS), *ENVIRONMENT):
        assert f"- `{name}`:" in page
    assert max(map(len, page.splitlines())) <= 100


def test_families_have_pages_of_their_own(reference: ModuleType) -> None:
    from genctl import registry

    page = "\n".join(reference._family(registry.get("gan")))
    assert "**`digits`**" in page
    assert "<code>model.width</code>" in page
