"""Large sets: decoded once into a mapped file, and found again while their files stay the same."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genctl.data.images import decode
from genctl.data.images.open_source import open_source
from genctl.data.images.options import ImageData
from genctl.data.images.prepare import prepare_images
from genctl.data.images.sources import decode_cache as decoded
from genctl.errors import GenctlError
from tests.data.pictures import pixels, write


@pytest.fixture(autouse=True)
def _every_set_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded, "LEAST_BYTES", 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(40):
        write(tmp_path / "图" / ("猫", "狗")[number % 2] / f"{number}.png", pixels(number))
    return tmp_path / "图"


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each image that is decoded."""
    counted: list[int] = []
    original = decode.to_array

    def to_array(*given: Any, **more: Any) -> object:
        counted.append(1)
        return original(*given, **more)

    monkeypatch.setattr(decode, "to_array", to_array)
    return counted


def test_a_second_start_decodes_nothing(folder: Path, decodings: list[int]) -> None:
    first = open_source(str(folder))
    assert isinstance(first.images, np.memmap)
    assert len(decodings) == 40
    again = open_source(str(folder))
    assert len(decodings) == 40
    assert again.fingerprint == first.fingerprint
    assert again.class_names == ("狗", "猫")
    assert first.labels is not None
    assert again.labels is not None
    assert np.array_equal(again.labels, first.labels)
    open_source(str(folder), size=(4, 4))
    assert len(decodings) == 80


@pytest.mark.parametrize("change", ["content", "time", "name", "one more"])
def test_changed_files_are_decoded_anew(folder: Path, change: str, decodings: list[int]) -> None:
    open_source(str(folder))
    file = folder / "狗" / "3.png"
    if change == "content":
        write(file, pixels(99))
    elif change == "time":
        os.utime(file, ns=(1, 1))
    elif change == "name":
        file.rename(file.with_name("4000.png"))
    else:
        write(folder / "狗" / "41.png", pixels(41))
    before = len(decodings)
    opened = open_source(str(folder))
    assert len(decodings) > before
    if change == "content":
        assert np.array_equal(opened.images[1], pixels(99))


def test_equal_names_sizes_and_times_in_another_folder_are_other_images(tmp_path: Path) -> None:
    for folder, seed in (("a", 0), ("b", 10)):
        for number in range(3):
            path = write(tmp_path / folder / f"{number}.bmp", pixels(seed + number))
            os.utime(path, ns=(1, 1))
    open_source(str(tmp_path / "a"))
    assert np.array_equal(open_source(str(tmp_path / "b")).images[0], pixels(10))


def test_broken_files_leave_no_gap(folder: Path, decodings: list[int]) -> None:
    whole = (folder / "狗" / "5.png").read_bytes()
    (folder / "狗" / "5.png").write_bytes(whole[: len(whole) // 2])
    for _ in range(2):
        opened = open_source(str(folder))
        assert len(opened.images) == 39
        assert [line.partition(":")[0] for line in opened.skipped] == ["狗/5.png"]
        files = [n for n in range(1, 40, 2) if n != 5] + list(range(0, 40, 2))
        assert np.array_equal(opened.images, np.stack([pixels(n) for n in files]))


def test_damage_in_the_cache_is_decoded_over(folder: Path, tmp_path: Path) -> None:
    first = open_source(str(folder)).images.copy()
    (place,) = (tmp_path / "cache" / "decoded").iterdir()
    for name in ("index.json", "pixels.npy"):
        (place / name).write_bytes(b"damaged")
        assert np.array_equal(open_source(str(folder)).images, first)


def test_a_cache_that_cannot_be_written_costs_only_time(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    opened = open_source(str(folder))
    assert not isinstance(opened.images, np.memmap)
    assert len(opened.images) == 40


def test_a_set_that_fits_nowhere_is_an_error(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("in the way")
    monkeypatch.setattr(decoded, "free_memory", lambda: 100)
    with pytest.raises(GenctlError, match=r"too much for the free memory.*a file is in the way"):
        open_source(str(folder))


def test_a_full_disk_is_noticed_before_decoding(
    folder: Path, decodings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(decoded, "free_memory", lambda: 100)
    with pytest.raises(GenctlError, match="no space left on the disk") as caught:
        open_source(str(folder))
    assert "GENCTL_CACHE" in caught.value.hint
    assert not decodings


def test_a_zip_is_known_by_its_members(folder: Path, decodings: list[int]) -> None:
    packed = shutil.make_archive(str(folder), "zip", folder)
    first = open_source(packed)
    os.utime(packed, ns=(1, 1))
    assert open_source(packed).fingerprint == first.fingerprint
    assert len(decodings) == 40


def test_batches_of_mapped_images_are_those_of_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_batch() -> np.ndarray:
        dataset = prepare_images(ImageData(source=str(folder))).dataset
        return next(dataset.stream(0, 16, seed=3))["image"].numpy()

    mapped = first_batch()
    monkeypatch.setattr(decoded, "LEAST_BYTES", 2**40)
    assert np.array_equal(mapped, first_batch())


def test_too_much_damage_is_an_error_after_one_look(folder: Path, decodings: list[int]) -> None:
    for number in (1, 3, 5):
        file = folder / "狗" / f"{number}.png"
        file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(GenctlError, match="cannot read 3 of 40 images"):
        open_source(str(folder))
    assert len(decodings) <= 40
