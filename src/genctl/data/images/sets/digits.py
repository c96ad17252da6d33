"""The bundled data set: 10,000 handwritten MNIST digits (see ``digits.md`` beside this file)."""

from __future__ import annotations

import functools
import hashlib
import io
from importlib import resources
from typing import Literal

import numpy as np
import numpy.typing as npt

from genctl.errors import ExitStatus, GenctlError

CLASS_NAMES = tuple("0123456789")
DIGITS_SHA256 = "6edce2fdbe17d12437f98c1cc83bcb32ffe5c73af434c0f8ade2e3cc6d795f02"


def load_digits(
    split: Literal["train", "test"],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """One split of the bundled digits, classes interleaved, always in the same order.

    Returns:
        images ``(N, 28, 28, 1) uint8`` (0 is background) and labels ``(N,) int64`` in 0..9.

    Raises:
        GenctlError: (DATA) the bundled file differs from the released one.
    """
    images, labels, held_out = _read_verified()
    chosen = held_out if split == "test" else ~held_out
    return images[chosen][..., None], labels[chosen].astype(np.int64)


def is_test(image: npt.NDArray[np.uint8]) -> bool:
    """Whether a 28x28 digit is held out: a fifth of them, by a hash of the 784 pixels alone.

    Unlike a list of indices, a rule over content holds for the same digit in any other file.
    """
    return hashlib.sha256(image.tobytes()).digest()[0] % 5 == 0


@functools.cache
def _read_verified() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Images, labels and whether each is held out; read and hashed once, as a run asks often."""
    content = resources.files("genctl.data.images.sets").joinpath("digits.npz").read_bytes()
    if hashlib.sha256(content).hexdigest() != DIGITS_SHA256:
        raise GenctlError(
            ExitStatus.DATA,
            "the bundled digits are damaged: digits.npz has the wrong checksum",
            hint="python -m pip install --force-reinstall --no-deps genctl",
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        images, labels = archive["images"], archive["labels"]
    return images, labels, np.array([is_test(image) for image in images])
