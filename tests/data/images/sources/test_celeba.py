"""CelebA, from files that are made here in its layout."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genctl.data.images.open_source import open_source
from genctl.data.images.open_stream import open_stream
from tests.data.pictures import pixels, refusal


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENCTL_DATASETS", str(tmp_path))
    root = tmp_path / "celeba"
    root.mkdir()
    lines = []
    with zipfile.ZipFile(root / "img_align_celeba.zip", "w") as archive:
        for number in range(1, 13):
            buffer = io.BytesIO()
            Image.fromarray(pixels(number, 218, 178, 3)).save(buffer, "JPEG")
            archive.writestr(f"img_align_celeba/{number:06}.jpg", buffer.getvalue())
            lines.append(f"{number:06}.jpg {0 if number < 8 else 1 if number < 10 else 2}")
    (root / "list_eval_partition.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return root


def test_splits_are_those_of_the_list(folder: Path) -> None:
    for source in ("celeba", str(folder)):
        opened = open_source(source, size=(24, 24))
        assert opened.images.shape == (7, 24, 24, 3)
        assert (opened.name, opened.class_names) == ("celeba", ())
        held_out = opened.held_out()
        assert held_out is not None
        assert len(held_out.images) == 3
        stream = open_stream(source, 0)
        (batch,) = stream.read(range(stream.count))
        assert batch.shape == (7, 218, 178, 3)
        named = open_source("celeba:test", size=(24, 24))
        assert np.array_equal(named.images, held_out.images)


def test_what_is_missing_is_named_with_its_place(folder: Path) -> None:
    (folder / "list_eval_partition.txt").unlink()
    error = refusal("celeba")
    assert "img_align_celeba.zip and list_eval_partition.txt" in error.message
    assert error.hint == f"put both into {folder}"


def test_damage(folder: Path) -> None:
    for content in (b"no list\nof numbers at all\n", b"000001.jpg \xb7\n"):
        (folder / "list_eval_partition.txt").write_bytes(content)
        assert "is not a list of names and numbers" in refusal("celeba").message


def test_images_that_the_partition_does_not_name_are_an_error(folder: Path) -> None:
    partition = folder / "list_eval_partition.txt"
    partition.write_text("".join(partition.read_text("utf-8").splitlines(True)[1:]), "utf-8")
    assert "does not name 1 images" in refusal("celeba").message
