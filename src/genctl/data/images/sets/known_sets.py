"""Well-known image data sets by name, read from the files that their authors published.

Nothing is downloaded unless the user asks for it; otherwise an error says which file belongs where.
CIFAR is read from its binary version, because the version that torchvision reads contains pickles,
which can run code. torchvision's `download_url` waits for ever on a silent server, always shows a
progress bar, tries plain http where https fails, and leaves incomplete files in place.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genctl.data.images import decode
from genctl.data.images.sources.zip_file import DamagedError, reading
from genctl.data.source_files import folder_of
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion, opt, unknown
from genctl.files import disk_error, make_directory

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Split = tuple[Images, Labels]

TIMEOUT = 60.0
"""Seconds without an answer after which a download is given up."""

_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"
_SVHN = "http://ufldl.stanford.edu/housenumbers/"
_CLOTHES = (
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip
_THINGS = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


@dataclass(frozen=True)
class KnownFile:
    """A file as its authors published it.

    Attributes:
        url: the published address.
        md5: the published checksum of its content.
    """

    url: str
    md5: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class KnownSet:
    """A set of images.

    Attributes:
        summary: one line.
        files: all files of both splits.
        read: takes the folder of the files and a split; returns images (N, H, W, C) and labels.
        class_names: the names of the labels.
    """

    summary: str
    files: tuple[KnownFile, ...]
    read: Callable[[Path, str], Split]
    class_names: tuple[str, ...]


def read_known(name: str, split: str) -> Split:
    """One split of a known set.

    Raises:
        GenctlError: (DATA) files are missing (the error says where they belong) or damaged.
    """
    known, folder = KNOWN_SETS[name], folder_of(name)
    missing = [file for file in known.files if not (folder / file.name).is_file()]
    if missing:
        named = ", ".join(file.url for file in missing)
        raise GenctlError(
            ExitStatus.DATA,
            f"the files of {name} are not on this machine: put {named} into {folder}",
            suggest=Suggestion(
                "train",
                {"data": name, "download": True},
                "downloads them",
                args=(Placeholder("FAMILY"),),
            ),
        )
    try:
        images, labels = known.read(folder, split)
    except DamagedError as error:
        raise GenctlError(
            ExitStatus.DATA,
            f"the files of {name} in {folder} are damaged: {error}",
            hint=f"delete them, and download them again with {opt('download')}",
        ) from None
    return np.ascontiguousarray(images), labels


def download(name: str, say: Callable[[str], None]) -> None:
    """Download the missing files of a set; each is verified before it is kept.

    Args:
        say: called with each file that is downloaded.

    Raises:
        GenctlError: (USAGE) it is not a well-known set; (FAILURE) no connection, no space, or
            content that differs from the published.
    """
    if name not in KNOWN_SETS:
        raise unknown(
            "data set to download",
            name,
            KNOWN_SETS,
            hint=f"leave {opt('download')} out",
            option="download",
        )
    folder = make_directory(folder_of(name))
    for file in KNOWN_SETS[name].files:
        target = folder / file.name
        if not target.is_file():
            say(f"downloading {file.url}")
            _fetch(file, target)


def _fetch(file: KnownFile, target: Path) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with urllib.request.urlopen(file.url, timeout=TIMEOUT) as answer, partial.open("wb") as out:
            while block := answer.read(1 << 20):
                digest.update(block)
                out.write(block)
        if digest.hexdigest() != file.md5:
            raise GenctlError(
                ExitStatus.FAILURE,
                f"{file.url} is not the published file: its md5 is {digest.hexdigest()}",
                hint="try again later, or fetch the file elsewhere",
            )
        partial.replace(target)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        raise GenctlError(
            ExitStatus.FAILURE,
            f"cannot download {file.url}: {getattr(error, 'reason', error)}",
            hint=f"fetch it elsewhere, and put it at {target}",
        ) from None
    except OSError as error:
        raise disk_error(target, error) from None
    finally:
        partial.unlink(missing_ok=True)


def _idx(folder: Path, split: str) -> Split:
    """The format of MNIST: gzipped, big-endian, four numbers before the pixels."""
    part = "train" if split == "train" else "t10k"
    images = _idx_array(folder / f"{part}-images-idx3-ubyte.gz", 3)
    labels = _idx_array(folder / f"{part}-labels-idx1-ubyte.gz", 1)
    if len(images) != len(labels):
        raise DamagedError(f"{len(images)} images and {len(labels)} labels")
    return images[..., None], labels.astype(np.int64)


def _idx_array(path: Path, axes: int) -> npt.NDArray[np.uint8]:
    with reading(), gzip.open(path, "rb") as file:
        content = file.read()
    start = 4 * (axes + 1)
    if len(content) < start:
        raise DamagedError(f"{path.name} has {len(content)} bytes")
    magic, *shape = np.frombuffer(content[:start], ">u4").tolist()
    if magic != 0x800 + axes:
        raise DamagedError(f"{path.name} begins with {magic:#x}, not {0x800 + axes:#x}")
    if len(content) != start + math.prod(shape):
        raise DamagedError(f"{path.name} has {len(content)} bytes, not {start + math.prod(shape)}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _cifar(
    archive: str, train: tuple[str, ...], test: str, label_bytes: int
) -> Callable[[Path, str], Split]:
    """Records of labels and 3x32x32 pixels, inside a ``.tar.gz``."""

    def read(folder: Path, split: str) -> Split:
        with reading(), tarfile.open(folder / archive, "r:gz") as tar:
            parts = [_member(tar, name) for name in (train if split == "train" else (test,))]
        content, size = b"".join(parts), label_bytes + 3072
        if len(content) % size:
            raise DamagedError(f"{archive} has {len(content)} bytes, not a multiple of {size}")
        records = np.frombuffer(content, np.uint8).reshape(-1, size)
        pixels = records[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return pixels, records[:, label_bytes - 1].astype(np.int64)

    return read


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)  # into memory; nothing is unpacked
    if file is None:
        raise DamagedError(f"{name} is not a file")
    return file.read()


def _svhn(folder: Path, split: str) -> Split:
    """A MATLAB file; the digit 0 is labelled 10 there."""
    from scipy.io import loadmat

    try:
        content = loadmat(folder / f"{split}_32x32.mat")
    except Exception as error:  # scipy has no common class for errors on damaged files
        raise DamagedError(f"{split}_32x32.mat: {decode.reason(error)}") from error
    arrays = [content.get(name) for name in ("X", "y")]
    if not all(isinstance(array, np.ndarray) for array in arrays) or np.ndim(arrays[0]) != 4:
        raise DamagedError(f"{split}_32x32.mat has no images X and labels y")
    images, labels = arrays
    return images.transpose(3, 0, 1, 2), labels.reshape(-1).astype(np.int64) % 10


def _published(base: str, files: Mapping[str, str]) -> tuple[KnownFile, ...]:
    return tuple(KnownFile(base + name, md5) for name, md5 in files.items())


def _idx_files(base: str, *md5: str) -> tuple[KnownFile, ...]:
    kinds = ("images-idx3", "labels-idx1")
    parts = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in kinds]
    return _published(base, dict(zip(parts, md5, strict=True)))


KNOWN_SETS: Mapping[str, KnownSet] = {
    "mnist": KnownSet(
        "70,000 handwritten digits, 28x28, grey",
        _idx_files(
            _MNIST,
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        _idx,
        tuple("0123456789"),
    ),
    "fashion-mnist": KnownSet(
        "70,000 pieces of clothing, 28x28, grey",
        _idx_files(
            _FASHION,
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        _idx,
        _CLOTHES,
    ),
    "cifar10": KnownSet(
        "60,000 photographs of ten classes, 32x32, colour",
        _published(_CIFAR, {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}),
        _cifar(
            "cifar-10-binary.tar.gz",
            tuple(f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6)),
            "cifar-10-batches-bin/test_batch.bin",
            1,
        ),
        _THINGS,
    ),
    "cifar100": KnownSet(
        "60,000 photographs of a hundred classes, 32x32, colour",
        _published(_CIFAR, {"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"}),
        _cifar(
            "cifar-100-binary.tar.gz",
            ("cifar-100-binary/train.bin",),
            "cifar-100-binary/test.bin",
            2,
        ),
        tuple(map(str, range(100))),
    ),
    "svhn": KnownSet(
        "99,289 digits of house numbers, 32x32, colour",
        _published(
            _SVHN,
            {
                "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
                "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
            },
        ),
        _svhn,
        tuple("0123456789"),
    ),
}
