from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genctl.data.images.drawing import grid
from genctl.data.images.open_source import open_source
from genctl.errors import ExitStatus, GenctlError
from genctl.outputs.base import ArraySamples, class_number
from genctl.outputs.images.samples import ImageSamples


def some(n: int, channels: int = 1, labels: bool = False) -> ImageSamples:
    images = np.random.default_rng(n).integers(0, 256, (n, 20, 16, channels)).astype(np.uint8)
    names = ("猫", "狗", "fish") if labels else ()
    return ImageSamples(images, np.arange(n) % 3 if labels else None, names)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_folder_comes_back_as_data(tmp_path: Path, channels: int) -> None:
    samples = some(7, channels, labels=True)
    source = open_source(str(samples.save(tmp_path / "结果")))
    assert set(source.class_names) == {"猫", "狗", "fish"}
    assert source.labels is not None
    found = {
        image.tobytes(): source.class_names[k]
        for image, k in zip(source.images, source.labels, strict=True)
    }
    assert samples.labels is not None
    assert found == {
        image.tobytes(): samples.class_names[k]
        for image, k in zip(samples.array, samples.labels, strict=True)
    }


def test_an_archive_comes_back_as_data(tmp_path: Path) -> None:
    samples = some(5, 3, labels=True)
    source = open_source(str(samples.save(tmp_path / "s.npz")))
    assert np.array_equal(source.images, samples.array)
    assert source.labels is not None
    assert samples.labels is not None
    assert np.array_equal(source.labels, samples.labels)


def test_a_grid_holds_every_sample_in_reading_order(tmp_path: Path) -> None:
    samples = some(7)
    sheet = grid(samples.array)
    assert sheet.shape == (60, 48, 1)
    for number, image in enumerate(samples.array):
        row, column = divmod(number, 3)
        assert np.array_equal(
            sheet[row * 20 : row * 20 + 20, column * 16 : column * 16 + 16], image
        )
    assert not sheet[40:, 16:].any()
    picture = Image.open(samples.save(tmp_path / "grid.png"))
    assert picture.size == (48 * 10, 60 * 10)
    assert np.array_equal(np.asarray(picture)[::10, ::10], sheet[..., 0])


def test_classes_in_turn_become_columns(tmp_path: Path) -> None:
    picture = Image.open(some(11, labels=True).save(tmp_path / "grid.png"))
    assert picture.size[0] / (3 * 16) == picture.size[1] / (4 * 20)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("s.jpg", r"cannot save samples as '\.jpg'"),
        ("full", "is not empty"),
        ("file/below.png", "a file is in the way"),
    ],
)
def test_places_that_do_not_do(tmp_path: Path, out: str, message: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").write_text("kept")
    (tmp_path / "file").write_text("kept")
    with pytest.raises(GenctlError, match=message):
        some(3).save(tmp_path / out)
    assert (tmp_path / "full" / "precious").read_text() == "kept"
    assert (tmp_path / "file").read_text() == "kept"


def test_what_is_no_image_goes_into_an_archive(tmp_path: Path) -> None:
    tokens = ArraySamples(np.arange(12).reshape(3, 4))
    with pytest.raises(GenctlError, match=r"cannot save samples as '\.png'") as refused:
        tokens.save(tmp_path / "t.png")
    assert refused.value.hint == f'out="{tmp_path / "t.npz"}"'
    with np.load(tokens.save(tmp_path / "t.npz")) as archive:
        assert np.array_equal(archive["arr_0"], tokens.array)


def test_too_many_for_a_grid(tmp_path: Path) -> None:
    with pytest.raises(GenctlError, match="at most 1024"):
        some(1025).save(tmp_path / "g.png")


def test_classes_by_name_or_number() -> None:
    names = ["猫", "狗", "fish"]
    assert [class_number(text, names) for text in ("狗", "0", "fish")] == [1, 0, 2]
    with pytest.raises(GenctlError, match="no class '3'; the classes are 猫, 狗, fish") as refused:
        class_number("3", names)
    assert refused.value.code == ExitStatus.USAGE


def test_an_integer_is_a_number_even_where_a_class_has_it_as_name() -> None:
    names = ("1", "2", "3")
    labels: tuple[Any, ...] = (1, "1", "0", np.int64(2))
    assert [class_number(label, names) for label in labels] == [1, 0, 0, 2]
    for label in (3, -1, 1.0):
        with pytest.raises(GenctlError, match="no class"):
            class_number(label, names)  # type: ignore[arg-type]


def named(names: tuple[str, ...]) -> ImageSamples:
    images = np.zeros((len(names), 4, 4, 1), np.uint8)
    return ImageSamples(images, np.arange(len(names)), names)


@pytest.mark.parametrize(
    "names",
    [
        ("a/b", "a\\b", "a%2Fb", "c"),
        ("..", "../up", ".hidden", "."),
        ("{root}/evil", "{root}/out/evil", "~"),
        ("Cat", "cat", "dog."),
        ("a\nb", "con:1", "x" * 80, " space", "行 列"),
        ("val", "Train", "test", "labels.csv", "CON", "aux.x", "猫" * 200, "[red]b[/]"),
    ],
)
def test_any_class_name_gives_a_folder_inside(tmp_path: Path, names: tuple[str, ...]) -> None:
    names = tuple(name.replace("{root}", str(tmp_path)) for name in names)
    out = named(names).save(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(list(out.glob("*/*.png"))) == len(names)
    source = open_source(str(out))
    assert set(source.class_names) == {name.strip() for name in names}


def test_class_names_that_are_no_text(tmp_path: Path) -> None:
    out = named(("", "\ud800", "a\0b")).save(tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == [
        "%", "%ED%A0%80", "a%00b", "labels.csv",
    ]  # fmt: skip
