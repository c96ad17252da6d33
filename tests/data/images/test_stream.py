"""Streams: the same images as in memory, however many, whatever their sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.data.images.open_stream import open_stream
from genctl.data.images.stream import Draw, ImageStream, evenly_spaced
from genctl.errors import ExitStatus, GenctlError
from tests.data.pictures import Pixels, pixels, write


def images_of(stream: ImageStream) -> list[Pixels]:
    return [image for batch in stream.read(range(stream.count)) for image in batch]


@given(st.integers(1, 300), st.integers(1, 300))
def test_places_are_spread_over_all(count: int, n: int) -> None:
    chosen = list(evenly_spaced(count, n))
    assert len(chosen) == min(count, n)
    assert chosen == sorted(set(chosen))
    assert chosen[-1] < count


def test_a_folder_keeps_sizes_and_depths(tmp_path: Path) -> None:
    made = [pixels(0, 4, 6, 3), pixels(1, 5, 5), pixels(2, 4, 6, 3), pixels(3, 4, 6, 4)]
    for number, image in enumerate(made):
        write(tmp_path / f"{number}.png", image)
    stream = open_stream(tmp_path, 0)
    found = images_of(stream)
    assert [image.shape for image in found] == [(4, 6, 3), (5, 5, 1), (4, 6, 3), (4, 6, 4)]
    for image, expected in zip(found, made, strict=True):
        assert np.array_equal(image.squeeze(), expected)
    assert np.array_equal(stream.pick([2])[0], made[2])


def test_files_are_remarked_upon(tmp_path: Path) -> None:
    for number in range(200):
        write(tmp_path / f"{number}.png", pixels(number))
    write(tmp_path / "x.jpg", pixels(1))
    write(tmp_path / "y.png", np.full((6, 8), 65535, np.uint16))
    (tmp_path / "坏.png").write_bytes(b"no image")
    reading = open_stream(tmp_path, 0).read(range(203))
    assert sum(len(batch) for batch in reading) == 202
    assert len(reading.rows) == 202
    assert (reading.jpegs, reading.deep) == (1, 1)
    unreadable, jpeg, deep = reading.remarks
    assert "坏.png: not an image" in unreadable
    assert "1 JPEG" in jpeg
    assert "1 of 16 bits" in deep


def test_more_than_one_in_a_hundred_unreadable_is_an_error(tmp_path: Path) -> None:
    for number in range(98):
        write(tmp_path / f"{number}.png", pixels(number))
    for name in ("坏1.png", "坏2.png"):
        (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(GenctlError, match=r"cannot read 2 of 100 images .*坏1.png") as caught:
        list(open_stream(tmp_path, 0).read(range(100)))
    assert caught.value.code is ExitStatus.DATA


@pytest.mark.parametrize("compressed", [True, False])
def test_an_archive_is_unpacked_as_needed(tmp_path: Path, compressed: bool) -> None:
    images, labels = pixels(0, 600, 5, 4, 3), np.arange(600) % 3
    path = tmp_path / "图.npz"
    (np.savez_compressed if compressed else np.savez)(path, images, labels)
    stream = open_stream(path, 0)
    assert (stream.count, stream.class_names) == (600, ("0", "1", "2"))
    assert stream.labels is not None
    assert np.array_equal(stream.labels, labels)
    assert np.array_equal(np.stack(images_of(stream)), images)
    rows = [3, 4, 300, 599]
    assert np.array_equal(np.concatenate(list(stream.read(rows))), images[rows])
    assert np.array_equal(np.stack(stream.pick([599, 3])), images[[599, 3]])


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"arr_0": np.zeros((3, 4, 4, 3), np.float32)}, "float32, not uint8"),
        ({"arr_0": np.zeros((3, 4, 4, 2), np.uint8)}, "shape (3, 4, 4, 2)"),
        ({"other": np.zeros(3)}, "no array 'arr_0', only other"),
        ({"arr_0": np.zeros((3, 4, 4, 3), np.uint8), "arr_1": np.zeros(2, int)}, "3 integer"),
    ],
)
def test_other_archives_are_refused(tmp_path: Path, arrays: dict[str, Any], reason: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(GenctlError) as caught:
        open_stream(tmp_path / "x.npz", 0)
    assert caught.value.code is ExitStatus.DATA
    assert reason in caught.value.message


def test_a_damaged_archive_is_noticed_in_passing(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, pixels(0, 400, 8, 8, 3))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    stream = open_stream(path, 0)
    with pytest.raises(GenctlError, match="cannot take images from"):
        images_of(stream)


def test_a_function_draws_what_is_asked_for() -> None:
    asked: list[int] = []

    def draw(places: Sequence[int]) -> Pixels:
        asked.extend(places)
        return np.stack([np.full((3, 4, 5), place % 256, np.uint8) for place in places])

    stream = open_stream(draw, 300)
    assert (stream.count, stream.name, stream.lasting) == (300, "draw", False)
    assert [int(image.flat[0]) for image in images_of(stream)] == [k % 256 for k in range(300)]
    assert asked == list(range(300))
    assert stream.pick([7])[0].shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("nowhere", "no data at 'nowhere'"),
        ("digits:tset", "did you mean 'digits:test'"),
        ("no_such:thing", "cannot import 'no_such:thing'"),
    ],
)
def test_what_names_no_images(source: str, reason: str) -> None:
    with pytest.raises(GenctlError) as caught:
        open_stream(source, 0)
    assert "\n" not in caught.value.message
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (lambda places: np.zeros((len(places) + 1, 4, 4, 3), np.uint8), "asked for 5 images"),
        (lambda places: places[99], "it failed: list index out of range"),
        (lambda places: None, "it failed: object of type 'NoneType' has no len"),
    ],
)
def test_a_function_that_does_not_do_what_it_should(draw: Draw, reason: str) -> None:
    with pytest.raises(GenctlError, match=reason) as caught:
        images_of(open_stream(draw, 5))
    assert caught.value.code is ExitStatus.USAGE
