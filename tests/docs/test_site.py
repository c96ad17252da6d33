"""The documentation, built as ``make docs`` builds it, shows what it must."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import genctl
from genctl import registry
from genctl.cli.app import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
SNIPPET = re.compile(r'^--8<-- "(.+)"$', re.MULTILINE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # Warnings and errors only: a strict build fails on each of them.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return folder


def html_of(site: Path, page: str) -> str:
    name = page.removesuffix(".md")
    return (site / ("" if name == "index" else name) / "index.html").read_text("utf-8")


def article(html: str) -> str:
    """What a page shows between its navigation and its foot, without tags."""
    (found,) = re.findall(r"<article.*?</article>", html, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", found))


def linked(nav: Any) -> Iterator[str]:
    """The pages of a navigation."""
    if isinstance(nav, str):
        yield nav
    else:
        for inner in nav.values() if isinstance(nav, dict) else nav:
            yield from linked(inner)


@pytest.mark.parametrize("page", PAGES)
def test_no_marker_is_left(site: Path, page: str) -> None:
    text = article(html_of(site, page))
    assert len(text.split()) > 100
    assert not re.search(r"--8 ?<|:::", text)


def test_every_page_is_in_the_navigation_once() -> None:
    yaml = pytest.importorskip("yaml")
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    assert sorted(linked(configuration["nav"])) == PAGES


def test_add_a_family_shows_its_files_whole(site: Path) -> None:
    page = "add-a-family.md"
    files = SNIPPET.findall((DOCS / page).read_text("utf-8"))
    assert {"spec.py", "model.py"} <= {Path(name).name for name in files}
    shown = article(html_of(site, page))
    for name in files:
        for line in (ROOT / name).read_text("utf-8").splitlines():
            assert line.strip() in shown, f"{name}: {line}"


def test_the_sdk_page_lists_all_that_is_public(site: Path) -> None:
    anchors = set(re.findall(r'id="genctl\.(?:api\.sdk\.\w+\.)?(\w+)"', html_of(site, "sdk.md")))
    assert {name for name in genctl.__all__ if not name.startswith("_")} <= anchors
    assert not {name for name in anchors if name.startswith("_")}


def test_the_page_of_a_verb_has_every_option(site: Path) -> None:
    root: Any = get_command(app)
    for name, command in root.commands.items():
        if command.hidden:
            continue
        shown = article(html_of(site, f"reference/verbs/{name}"))
        for each in (command, *getattr(command, "commands", {}).values()):
            for parameter in each.params:
                if parameter.param_type_name == "option" and not parameter.hidden:
                    present = next(word for word in parameter.opts if word.startswith("--"))
                    assert present in shown, (name, parameter.opts)


def test_verbs_families_and_exit_statuses_have_a_page_in_the_navigation(site: Path) -> None:
    start = html_of(site, "index.md")
    for name in ("verbs/train", "verbs/sample", "verbs/eval", "exit-status"):
        assert f'href="reference/{name}/"' in start
    for spec in registry.specs():
        if spec.name in ("gan", "lm", "diffusion"):
            assert f'href="reference/families/{spec.name}/"' in start
            options = article(html_of(site, f"reference/families/{spec.name}"))
            assert "train.budget" in options
            assert all(preset in options for preset in spec.presets)
