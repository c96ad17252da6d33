"""Templates: what is given is text, what is missing is an error, and nothing comes from outside."""

from __future__ import annotations

import re
from importlib import resources

import jinja2
import pytest

from genctl.version import VERSION
from genctl.web.render import PageImage, render

TEMPLATES = sorted(
    path.name for path in resources.files("genctl.web").joinpath("templates").iterdir()
)

NASTY = ["<script>alert(1)</script>", "{{ 6 * 7 }}", "{% raw %}", '\'" onload="x', "猫&amp;"]


@pytest.mark.parametrize("text", NASTY)
def test_what_is_given_is_text(text: str) -> None:
    made = render("error.html", title=text, message=text)
    escaped = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
    shown = "".join(escaped.get(c, c) for c in text)
    for tag in ("title", "h1", "p"):
        assert f"<{tag}>{shown}</{tag}>" in made
    assert "<script" not in made


def test_what_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="message"):
        render("error.html", title="x")


def test_there_is_a_version_on_every_page() -> None:
    assert f"<footer>genctl {VERSION}</footer>" in render("error.html", title="x", message="y")


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_page_needs_anything_besides_itself(name: str) -> None:
    text = resources.files("genctl.web").joinpath("templates", name).read_text("utf-8")
    assert not re.search(r"https?:|//[a-z]|<link|@import|url\(", text)
    assert re.findall(r"\| *safe", text) == (["| safe"] if name == "parts.html" else [])


def test_an_image_is_its_own_address() -> None:
    assert PageImage(b"\x00\xff", "x", 1).source == "data:image/png;base64,AP8="
