"""Archives of images."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genctl.data.images.open_source import open_source
from genctl.data.images.sources import archive, archive_stream
from genctl.data.images.sources.archive_stream import ArchiveStream
from genctl.errors import GenctlError
from tests.data.odd_zips import ODD_ZIPS, made_odd
from tests.data.pictures import pixels, refusal


@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_an_archive(tmp_path: Path, channels: int | None) -> None:
    images = pixels(0, 5, 6, 8) if channels is None else pixels(0, 5, 6, 8, channels)
    np.savez(tmp_path / "数据.npz", images)
    opened = open_source(str(tmp_path / "数据.npz"))
    assert np.array_equal(opened.images, images.reshape(5, 6, 8, channels or 1))
    assert (opened.labels, opened.name, opened.held_out()) == (None, "数据", None)


def test_labels_of_an_archive(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", pixels(0, 3, 4, 4), np.array([2, 0, 0], np.uint8))
    opened = open_source(str(tmp_path / "a.npz"), size=(8, 2), channels=3)
    assert opened.images.shape == (3, 8, 2, 3)
    assert opened.labels is not None
    assert opened.labels.dtype == np.int64
    assert opened.labels.tolist() == [2, 0, 0]
    assert opened.class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": pixels(0)}, "no array 'arr_0', only images"),
        ({"arr_0": np.zeros((2, 4, 4, 3), np.float32)}, "float32, not uint8"),
        ({"arr_0": pixels(0, 2, 3, 8, 8)}, r"shape \(2, 3, 8, 8\), not \(N, H, W, C\)"),
        ({"arr_0": pixels(0, 0, 4, 4)}, "shape"),
        ({"arr_0": np.array([{}, {}])}, "allow_pickle"),
        ({"arr_0": pixels(0, 2, 4, 4), "arr_1": np.zeros(2)}, "float64 .* not 2 integer labels"),
        ({"arr_0": pixels(0, 2, 4, 4), "arr_1": np.zeros(3, int)}, "not 2 integer labels"),
        ({"arr_0": pixels(0, 2, 4, 4), "arr_1": np.array([0, -1])}, "run from -1 to 0"),
        ({"arr_0": pixels(0, 2, 4, 4), "arr_1": np.array([0, 10**9])}, "run from 0 to 1000000000"),
    ],
)
def test_archives_that_do_not_do(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    error = refusal(tmp_path / "a.npz")
    assert re.search(message, error.message)
    assert "numpy.savez" in error.hint


@pytest.mark.parametrize("name", ["arr_0", "arr_1"])
def test_members_that_are_no_arrays(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    if name == "arr_1":
        np.savez(path, pixels(0, 9, 8, 8))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{name}.npy", b"no array")
    assert f"{name} is not an array" in refusal(path).message


def test_damaged_archives(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", pixels(0, 9, 8, 8))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    (tmp_path / "short.npz").write_bytes(content[:-30])
    content[len(content) // 2] ^= 1
    (tmp_path / "flipped.npz").write_bytes(content)
    np.save(tmp_path / "array.npy", pixels(0))
    (tmp_path / "array.npy").rename(tmp_path / "other.npz")
    for name in ("short", "flipped", "other"):
        assert f"{name}.npz: " in refusal(tmp_path / f"{name}.npz").message


@pytest.mark.parametrize("kind", ODD_ZIPS)
def test_archives_of_a_kind_nobody_reads(kind: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "odd.npz", pixels(0, 9, 8, 8))
    path = made_odd(tmp_path / "odd.npz", kind)
    assert re.search(ODD_ZIPS[kind].message, refusal(path).message)
    with pytest.raises(GenctlError, match=ODD_ZIPS[kind].message):
        ArchiveStream(path)


@pytest.mark.parametrize("module", [archive, archive_stream], ids=["whole", "stream"])
def test_a_fault_of_ours_is_not_damage(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, pixels(0, 2, 4, 4))

    def faulty(*_: object) -> object:
        raise TypeError("ours")

    monkeypatch.setattr(module, "checked_shape", faulty)
    with pytest.raises(TypeError, match="ours"):
        open_source(str(path)) if module is archive else ArchiveStream(path)
