"""Parquet files, and data sets that Hugging Face's ``datasets`` saved."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genctl.data.images.open_source import open_source
from genctl.data.images.open_stream import open_stream
from tests.data.pictures import pixels, refusal

arrow = pytest.importorskip("pyarrow")
NAMES = ["狗", "猫"]


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels(seed)).save(buffer, "PNG")
    return buffer.getvalue()


def table(count: int, *, structs: bool = True, start: int = 0, **columns: Any) -> Any:
    content = [png(start + k) for k in range(count)]
    images = [{"bytes": c, "path": None} for c in content] if structs else content
    labels = [k % 2 for k in range(count)]
    return arrow.table({"image": images, "label": labels, **columns})


def as_datasets(whole: Any) -> Any:
    info = {"info": {"features": {"label": {"names": NAMES, "_type": "ClassLabel"}}}}
    return whole.replace_schema_metadata({"huggingface": json.dumps(info)})


def assert_read(source: Path, count: int, names: tuple[str, ...]) -> None:
    opened = open_source(str(source))
    assert opened.class_names == names
    assert np.array_equal(opened.images, np.stack([pixels(k) for k in range(count)]))
    assert opened.labels is not None
    assert opened.labels.tolist() == [k % 2 for k in range(count)]
    stream = open_stream(source, 0)
    assert np.array_equal(np.concatenate(list(stream.read(range(count)))), opened.images)


@pytest.mark.parametrize("structs", [True, False])
def test_one_parquet_file(tmp_path: Path, structs: bool) -> None:
    import pyarrow.parquet

    path = tmp_path / "图.parquet"
    pyarrow.parquet.write_table(table(7, structs=structs), path)
    assert_read(path, 7, ("0", "1"))


def test_a_folder_of_them_with_splits_and_names(tmp_path: Path) -> None:
    import pyarrow.parquet

    for name, count, start in (("train-00000-of-00002", 4, 0), ("train-00001-of-00002", 4, 4),
                               ("validation-00000-of-00001", 3, 50)):  # fmt: skip
        path = tmp_path / f"{name}.parquet"
        pyarrow.parquet.write_table(as_datasets(table(count, start=start)), path)
    assert_read(tmp_path, 8, tuple(NAMES))
    held_out = open_source(str(tmp_path)).held_out()
    assert held_out is not None
    assert np.array_equal(held_out.images[0], pixels(50))


@pytest.mark.parametrize("stream", [True, False])
def test_a_data_set_saved_to_disk(tmp_path: Path, stream: bool) -> None:
    splits = {"train": table(6), "test": table(2, start=60)}
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}), "utf-8")
    for name, whole in splits.items():
        (tmp_path / name).mkdir()
        open_file = arrow.ipc.new_stream if stream else arrow.ipc.new_file
        with open_file(str(tmp_path / name / "data-00000.arrow"), whole.schema) as writer:
            writer.write_table(whole)
        info = {"features": {"label": {"names": NAMES}}}
        (tmp_path / name / "dataset_info.json").write_text(json.dumps(info), "utf-8")
    assert_read(tmp_path, 6, tuple(NAMES))
    assert_read(tmp_path / "train", 6, tuple(NAMES))
    assert len(open_source(f"{tmp_path}:test").images) == 2


def test_rows_that_hold_no_image_are_left_out(tmp_path: Path) -> None:
    import pyarrow.parquet

    images = [png(k) for k in range(40)]
    images[3] = b"no image"
    pyarrow.parquet.write_table(arrow.table({"img": images}), tmp_path / "x.parquet")
    opened = open_source(str(tmp_path / "x.parquet"))
    assert len(opened.images) == 39
    assert opened.skipped == ("3.png: not an image, or its start is damaged",)


def test_what_is_no_table_of_images(tmp_path: Path) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(arrow.table({"text": ["a"]}), tmp_path / "t.parquet")
    assert "none of its columns (text) has images" in refusal(tmp_path / "t.parquet").message
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then nothing")
    assert "cannot take images from" in refusal(tmp_path / "t.parquet").message


def test_splits_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    document = {"splits": ["../elsewhere", "train"]}
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "dataset_dict.json").write_text(json.dumps(document), "utf-8")
    assert "it has no files" in refusal(tmp_path / "d").message


def parquet(path: Path, labels: list[int]) -> Path:
    import pyarrow.parquet

    rows = arrow.table({"image": [png(k) for k in range(len(labels))], "label": labels})
    pyarrow.parquet.write_table(as_datasets(rows), path)
    return path


def test_minus_one_is_no_label(tmp_path: Path) -> None:
    assert open_source(str(parquet(tmp_path / "UP.PARQUET", [-1, -1]))).labels is None
    assert open_source(str(tmp_path)).class_names == ()
    mixed = refusal(parquet(tmp_path / "mixed.parquet", [0, -1, 1]))
    assert "row 1 has no label, and other rows have one" in mixed.message
    beyond = refusal(parquet(tmp_path / "beyond.parquet", [0, 5]))
    assert "row 1 has the label 5, of 2 classes" in beyond.message


def test_a_saved_data_set_without_train_names_its_splits(tmp_path: Path) -> None:
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["fold1", "fold2"]}')
    assert "has no split named train, only fold1, fold2" in refusal(tmp_path).message


@pytest.mark.parametrize(
    ("files", "left_out"),
    [
        (("Train-0", "TEST-0"), {}),
        (("cats_train", "cats_val", "cats_dev"), {".parquet": 1}),
        (("a", "b-validation"), {}),
    ],
)
def test_splits_of_files_under_their_usual_names(
    tmp_path: Path, files: tuple[str, ...], left_out: dict[str, int]
) -> None:
    import pyarrow.parquet

    for number, name in enumerate(files):
        pyarrow.parquet.write_table(table(2, start=10 * number), tmp_path / f"{name}.parquet")
    (tmp_path / "x.png").write_bytes(png(9))
    opened = open_source(str(tmp_path))
    held_out = opened.held_out()
    assert held_out is not None
    assert np.array_equal(opened.images[0], pixels(0))
    assert np.array_equal(held_out.images[0], pixels(10))
    assert opened.left_out == {**left_out, ".png": 1}


def test_a_column_of_splits(tmp_path: Path) -> None:
    import pyarrow.parquet

    splits = ["Val", "train", "Train", "other", "val"]
    pyarrow.parquet.write_table(table(5, split=splits), tmp_path / "x.parquet")
    opened = open_source(str(tmp_path / "x.parquet"))
    held_out = opened.held_out()
    assert held_out is not None
    assert np.array_equal(opened.images, [pixels(1), pixels(2)])
    assert np.array_equal(held_out.images, [pixels(0), pixels(4)])
    assert opened.left_out == {"rows of the split 'other'": 1}
    assert opened.splits == "splits: 2 images of train to train on, 2 of val held out"
