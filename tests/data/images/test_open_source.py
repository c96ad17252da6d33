"""What a source is, and places that are none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.data.images.open_source import open_source
from genctl.data.images.open_stream import open_stream
from genctl.data.images.sets.digits import CLASS_NAMES, load_digits
from genctl.errors import GenctlError
from genctl.files import safe_name
from tests.data.pictures import pixels, refusal, write


@pytest.mark.parametrize(
    ("source", "split", "expected"),
    [
        ("digits", "train", "train"),
        ("digits", "test", "test"),
        ("digits:test", "train", "test"),
        ("digits:train", "test", "train"),
    ],
)
def test_digits(source: str, split: str, expected: str) -> None:
    opened = open_source(source, split=split)
    images, labels = load_digits("test" if expected == "test" else "train")
    assert np.array_equal(opened.images, images)
    assert opened.labels is not None
    assert np.array_equal(opened.labels, labels)
    assert opened.class_names == CLASS_NAMES
    assert (opened.name, opened.split, opened.skipped) == ("digits", expected, ())


def test_digits_at_another_size_and_depth() -> None:
    opened = open_source("digits:test", size=(14, 20), channels=3)
    assert opened.images.shape == (2066, 14, 20, 3)
    assert (opened.images[..., 0] == opened.images[..., 2]).all()
    assert (opened.images.mean((1, 2, 3)) > 5).all()


def test_held_out_digits_follow_the_size_and_depth() -> None:
    held_out = open_source("digits", size=(8, 8), channels=4).held_out()
    assert held_out is not None
    assert held_out.split == "test"
    assert held_out.images.shape == (2066, 8, 8, 4)
    assert held_out.held_out() is None


def test_a_missing_path_has_near_ones(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    error = refusal(tmp_path / "phtos")
    assert "did you mean 'photos'?" in error.message
    assert "digits (built in)" in error.hint
    assert "did you mean 'digits'" in refusal("digts").message
    assert "'digits:test'" in refusal("digits:tset").message
    assert "no data at" in refusal(tmp_path / "no" / "such" / "place").message


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    assert "neither a folder" in refusal(write(tmp_path / "a.png", pixels(0))).message


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "空").mkdir()
    assert refusal(tmp_path / "空").message.endswith("空: the folder is empty")


def test_a_folder_of_text(tmp_path: Path) -> None:
    for name in ("a.txt", "b.TXT", "c.csv", "Makefile", "z.zip"):
        (tmp_path / name).write_text("text")
    error = refusal(tmp_path)
    assert "only other files (2 .txt, 1 .csv, 1 .zip, ...)" in error.message
    assert ".webp" in error.hint


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Permissions do not bind root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="permissions work otherwise there")
def test_a_locked_folder(ordinary_user: None) -> None:
    with tempfile.TemporaryDirectory() as locked:
        os.chmod(locked, 0)
        assert "Permission denied" in refusal(locked).message
        assert "no data at" in refusal(f"{locked}/inside").message
        os.chmod(locked, 0o700)


def test_a_name_too_long_for_any_file() -> None:
    assert "no data at" in refusal("x" * 5000).message


def test_a_fingerprint_is_of_pixels_labels_and_names(tmp_path: Path) -> None:
    def of(name: str, *arrays: npt.NDArray[np.generic]) -> str:
        np.savez(tmp_path / f"{name}.npz", *arrays)
        return open_source(str(tmp_path / f"{name}.npz")).fingerprint

    images, labels = pixels(0, 2, 4, 4), np.array([0, 1])
    known = of("a", images, labels)
    assert known == of("b", images[..., None], labels.astype(np.uint8))
    others = [of("c", images), of("d", images, labels[::-1]), of("e", images[::-1], labels)]
    others.append(of("f", images.reshape(2, 2, 8), labels))
    assert len({known, *others}) == 5


@given(st.text())
def test_names_suit_every_file_system(name: str) -> None:
    safe = safe_name(name)
    assert 1 <= len(safe) <= 40
    assert not set(safe) & set('<>:"/\\|?* \t\n\0')
    assert safe == safe.strip(".")
    assert safe_name(safe) == safe


def test_a_named_set_is_never_taken_for_a_function() -> None:
    for name in ("emoji:x", "mnist:valid"):
        with pytest.raises(GenctlError, match="no data at"):
            open_stream(name, 1)
