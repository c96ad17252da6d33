"""Training data in memory: what is accepted, what is refused, and that nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from genctl.api.datasets.given import source_of
from genctl.data.images.open_source import open_source
from genctl.data.images.source import ImageSource
from genctl.errors import ExitStatus, GenctlError

WHOLE = np.random.default_rng(0).integers(0, 256, (4, 3, 8, 8)).astype(np.uint8)
FLOATS = WHOLE / np.float32(255)


class Table:
    """A data set as Hugging Face's are."""

    def __init__(self, **columns: Sequence[Any]) -> None:
        self.column_names = list(columns)
        self._columns = columns

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self._columns[name]


class Items:
    """A data set as torch's are."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, place: int) -> Any:
        return self._items[place]


def as_array(images: Any, labels: Any) -> Any:
    return images, labels


def as_tensor(images: Any, labels: Any) -> Any:
    return torch.from_numpy(np.array(images)), labels


def as_items(images: Any, labels: Any) -> Any:
    return Items(list(zip(images, labels, strict=True)))


def as_table(images: Any, labels: Any) -> Any:
    return Table(image=list(images), label=labels)


WAYS = (as_array, as_tensor, as_items, as_table)
Way = Callable[[Any, Any], Any]


def read(data: Any) -> ImageSource:
    return open_source(str(source_of(data)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("images", [WHOLE, FLOATS, WHOLE.transpose(0, 2, 3, 1)])
def test_images_come_back_whatever_holds_them(way: Way, images: np.ndarray) -> None:
    source = read(way(images, [0, 1, 1, 2]))
    assert np.array_equal(source.images, WHOLE.transpose(0, 2, 3, 1))
    assert source.labels is not None
    assert source.labels.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("images", [FLOATS * 2 - 1, FLOATS * 255, FLOATS * np.nan])
def test_floats_outside_of_0_to_1_are_refused(way: Way, images: np.ndarray) -> None:
    with pytest.raises(GenctlError, match=r"floats must be in \[0, 1\]") as refused:
        source_of(way(images, [0, 1, 1, 2]))
    assert refused.value.code is ExitStatus.DATA


@pytest.mark.parametrize("way", [as_array, as_items, as_table])
@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b", "a", "b"],
        [{"box": 1}] * 4,
        [0.2, 1.7, 0.0, 1.0],
        [0, 1, -1, 1],
        [None] * 4,
        [[0], [0, 1], [0], [1]],
        [float("nan")] * 4,
    ],
)
def test_labels_that_are_no_whole_numbers(way: Way, labels: list[Any]) -> None:
    with pytest.raises(GenctlError, match="labels are not whole numbers") as refused:
        source_of(way(WHOLE, labels))
    assert refused.value.code is ExitStatus.DATA


def test_labels_of_another_number() -> None:
    with pytest.raises(GenctlError, match=r"4 images, but the labels have the shape \(3,\)"):
        source_of((WHOLE, [0, 1, 2]))


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0.0, 1.0, 1.0, 0.0]),
        np.array([[0], [1], [1], [0]]),
        torch.tensor([0, 1, 1, 0]),
        [torch.tensor(0), torch.tensor(1), 1, 0],
    ],
)
def test_equal_labels_are_one_source(labels: Any) -> None:
    assert source_of((WHOLE, labels)) == source_of((WHOLE, [0, 1, 1, 0]))


def test_palettes_are_colours() -> None:
    colours = [Image.new("RGB", (8, 8), (200, 20 * k, 0)) for k in range(4)]
    source = read(Items([image.convert("P") for image in colours]))
    assert source.images.shape == (4, 8, 8, 3)
    assert np.abs(source.images[:, 0, 0].astype(int) - [200, 0, 0])[:, 0].max() < 30
