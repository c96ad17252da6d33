from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from genctl.data.images.sets import digits
from genctl.errors import ExitStatus, GenctlError


def test_the_splits() -> None:
    images, labels = digits.load_digits("train")
    held_out, held_out_labels = digits.load_digits("test")
    assert images.shape == (7934, 28, 28, 1)
    assert held_out.shape == (2066, 28, 28, 1)
    assert images.dtype == held_out.dtype == np.uint8
    assert labels.dtype == held_out_labels.dtype == np.int64
    assert (np.bincount(labels) > 600).all()
    assert (np.bincount(held_out_labels) > 180).all()


def test_every_image_is_there_once_and_in_its_split() -> None:
    seen = set()
    splits: tuple[tuple[Literal["train", "test"], bool], ...] = (("train", False), ("test", True))
    for split, held_out in splits:
        for image in digits.load_digits(split)[0]:
            digest = hashlib.sha256(image.tobytes()).digest()
            assert (digest[0] % 5 == 0) == held_out
            seen.add(digest)
    assert len(seen) == 10_000


def test_classes_are_interleaved() -> None:
    _, labels = digits.load_digits("train")
    assert all(len(np.unique(chunk)) == 10 for chunk in np.split(labels[:7900], 79))


def test_the_page_beside_the_data_tells_the_truth() -> None:
    page = resources.files("genctl.data.images.sets").joinpath("digits.md").read_text("utf-8")
    assert digits.DIGITS_SHA256 in page
    train, test = (np.bincount(digits.load_digits(split)[1]) for split in ("train", "test"))
    for name, of_train, of_test in zip(digits.CLASS_NAMES, train, test, strict=True):
        assert f"| {name} | {of_train} | {of_test} |" in page


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(
        resources.files("genctl.data.images.sets").joinpath("digits.npz").read_bytes()
    )
    content[len(content) // 2] ^= 1
    (tmp_path / "digits.npz").write_bytes(content)
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    monkeypatch.setattr(digits, "_read_verified", digits._read_verified.__wrapped__)
    with pytest.raises(GenctlError, match="damaged") as refused:
        digits.load_digits("train")
    assert refused.value.code == ExitStatus.DATA
    assert "--force-reinstall" in refused.value.hint
