"""Well-known sets, from files that are made here in their formats."""

from __future__ import annotations

import gzip
import hashlib
import io
import socket
import struct
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genctl.compat.torchvision import torchvision_module
from genctl.data.images.open_source import open_source
from genctl.data.images.open_stream import open_stream
from genctl.data.images.sets import known_sets
from genctl.data.images.sets.known_sets import KNOWN_SETS, KnownFile, download
from genctl.data.source_files import folder_of
from genctl.errors import ExitStatus, GenctlError
from tests.data.pictures import pixels, refusal

COUNTS = {"train": 30, "test": 12}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENCTL_DATASETS", str(tmp_path / "sets"))
    return tmp_path / "sets"


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
    return gzip.compress(head + array.tobytes())


def grey_files() -> dict[str, bytes]:
    found = {}
    for split, part in (("train", "train"), ("test", "t10k")):
        count = COUNTS[split]
        found[f"{part}-images-idx3-ubyte.gz"] = idx(pixels(count, count, 28, 28))
        found[f"{part}-labels-idx1-ubyte.gz"] = idx((np.arange(count) % 10).astype(np.uint8))
    return found


def cifar_files(archive: str, members: dict[str, int], label_bytes: int) -> dict[str, bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, count in members.items():
            records = pixels(count, count, label_bytes + 3072)
            records[:, :label_bytes] = (np.arange(count) % 10)[:, None]
            info = tarfile.TarInfo(name)
            info.size = records.nbytes
            tar.addfile(info, io.BytesIO(records.tobytes()))
    return {archive: buffer.getvalue()}


def svhn_files() -> dict[str, bytes]:
    from scipy.io import savemat

    found = {}
    for split, count in COUNTS.items():
        buffer = io.BytesIO()
        images = pixels(count, 32, 32, 3, count)
        savemat(buffer, {"X": images, "y": (np.arange(count) % 10 + 1).reshape(-1, 1)})
        found[f"{split}_32x32.mat"] = buffer.getvalue()
    return found


def files_of(name: str) -> dict[str, bytes]:
    if name in ("mnist", "fashion-mnist"):
        return grey_files()
    if name == "svhn":
        return svhn_files()
    if name == "cifar10":
        parts = {f"cifar-10-batches-bin/data_batch_{k}.bin": 6 for k in range(1, 6)}
        parts["cifar-10-batches-bin/test_batch.bin"] = 12
        return cifar_files("cifar-10-binary.tar.gz", parts, 1)
    parts = {"cifar-100-binary/train.bin": 30, "cifar-100-binary/test.bin": 12}
    return cifar_files("cifar-100-binary.tar.gz", parts, 2)


def put(name: str) -> None:
    folder_of(name).mkdir(parents=True)
    for file, content in files_of(name).items():
        (folder_of(name) / file).write_bytes(content)


@pytest.mark.parametrize("name", KNOWN_SETS)
def test_both_splits_are_read(name: str) -> None:
    put(name)
    opened = open_source(name)
    assert len(opened.images) == COUNTS["train"]
    assert opened.images.shape[1:] == ((28, 28, 1) if "mnist" in name else (32, 32, 3))
    assert opened.labels is not None
    first = 1 if name == "svhn" else 0
    assert opened.labels[:3].tolist() == [first, first + 1, first + 2]
    assert set(opened.labels.tolist()) <= set(range(10))
    held_out = opened.held_out()
    assert held_out is not None
    assert len(held_out.images) == COUNTS["test"]
    assert open_stream(f"{name}:test", 0).count == COUNTS["test"]


def test_pixels_lie_where_they_belong() -> None:
    put("cifar10")
    records = pixels(6, 6, 3073)
    expected = records[0, 1:].reshape(3, 32, 32)
    assert np.array_equal(open_source("cifar10").images[0].transpose(2, 0, 1), expected)


@pytest.mark.parametrize("name", KNOWN_SETS)
def test_what_is_missing_is_named_with_its_place(name: str, root: Path) -> None:
    error = refusal(name)
    for file in KNOWN_SETS[name].files:
        assert file.url in error.message
    assert str(root / name) in error.message
    assert error.hint == (f'genctl.train(FAMILY, data="{name}", download=True) downloads them')


@pytest.mark.parametrize("name", KNOWN_SETS)
def test_damage_is_one_line(name: str) -> None:
    put(name)
    for file in folder_of(name).iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert "are damaged" in refusal(name).message


def test_a_download_is_verified_or_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = []
    for file, content in grey_files().items():
        (tmp_path / file).write_bytes(content)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        published.append(KnownFile((tmp_path / file).as_uri(), digest))
    known = replace(KNOWN_SETS["mnist"], files=tuple(published))
    monkeypatch.setattr(known_sets, "KNOWN_SETS", {"mnist": known})
    said: list[str] = []
    download("mnist", said.append)
    assert len(said) == 4
    assert len(open_source("mnist").images) == COUNTS["train"]
    download("mnist", said.append)
    assert len(said) == 4  # all of it is there

    (folder_of("mnist") / published[0].name).unlink()
    wrong = replace(known, files=(replace(published[0], md5="0" * 32),))
    monkeypatch.setattr(known_sets, "KNOWN_SETS", {"mnist": wrong})
    with pytest.raises(GenctlError, match="is not the published file: its md5 is") as caught:
        download("mnist", said.append)
    assert caught.value.code is ExitStatus.FAILURE
    absent = replace(known, files=(KnownFile((tmp_path / "absent").as_uri(), "0" * 32),))
    monkeypatch.setattr(known_sets, "KNOWN_SETS", {"mnist": absent})
    with pytest.raises(GenctlError, match="cannot download"):
        download("mnist", said.append)
    assert sorted(path.name for path in folder_of("mnist").iterdir()) == sorted(
        file.name for file in published[1:]
    )


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_silent_server_is_given_up(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and is silent, or falls silent within the file."""
    monkeypatch.setattr(known_sets, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.gz"
        known = replace(KNOWN_SETS["mnist"], files=(KnownFile(url, "0" * 32),))
        monkeypatch.setattr(known_sets, "KNOWN_SETS", {"mnist": known})
        taken: list[socket.socket] = []

        def serve() -> None:
            taken.append(server.accept()[0])
            taken[0].sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(GenctlError, match=r"cannot download.*timed out") as caught:
            download("mnist", lambda _: None)
        thread.join()
        taken[0].close()
    assert caught.value.code is ExitStatus.FAILURE
    assert not list(folder_of("mnist").iterdir())


def test_checksums_are_those_that_torchvision_knows() -> None:
    datasets = torchvision_module("datasets")
    theirs = {
        "mnist": dict(datasets.MNIST.resources),
        "fashion-mnist": dict(datasets.FashionMNIST.resources),
        "svhn": {name: md5 for _, name, md5 in datasets.SVHN.split_list.values()},
    }
    for name, resources in theirs.items():
        for file in KNOWN_SETS[name].files:
            assert resources[file.name] == file.md5
    assert KNOWN_SETS["mnist"].files[0].url.startswith(tuple(datasets.MNIST.mirrors))
