"""The emoji of an installed font."""

from __future__ import annotations

from pathlib import Path

import pytest

from genctl.data.images.open_source import open_source
from genctl.data.images.sets import emoji
from genctl.data.images.sets.emoji import CLASS_NAMES, find_font, load_emoji
from genctl.errors import GenctlError
from tests.data.pictures import refusal


def installed() -> bool:
    try:
        find_font()
    except GenctlError:
        return False
    return True


@pytest.mark.skipif(not installed(), reason="the font Noto Color Emoji is not installed")
def test_pictures_with_names_and_classes() -> None:
    opened = open_source("emoji")
    held_out = opened.held_out()
    assert held_out is not None
    count, unseen = len(opened.images), len(held_out.images)
    assert 1000 < count + unseen < 2000
    assert 0.05 < unseen / count < 0.2
    assert opened.images.shape[1:] == (64, 64, 3)
    assert opened.labels is not None
    assert set(opened.labels.tolist()) == set(range(len(CLASS_NAMES)))
    images, labels, captions = load_emoji("train")
    assert len(images) == len(labels) == len(captions)
    assert "grinning face" in captions + load_emoji("test")[2]
    assert images.std((0, 1, 2)).min() > 20  # colours, not grey boxes


def test_without_the_font_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emoji, "_FOLDERS", ("/nowhere",))
    error = refusal("emoji")
    assert "Noto Color Emoji" in error.message
    assert "apt install fonts-noto-color-emoji" in error.hint


def test_a_file_that_is_no_font(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"no font")
    monkeypatch.setenv("GENCTL_EMOJI_FONT", str(tmp_path / "font.ttf"))
    assert "cannot draw emoji from" in refusal("emoji").message


def test_a_font_that_is_named_and_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENCTL_EMOJI_FONT", "/nowhere/font.ttf")
    assert "GENCTL_EMOJI_FONT is /nowhere/font.ttf" in refusal("emoji").message
