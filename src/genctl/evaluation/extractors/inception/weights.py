"""The published weights of FID: their checksum, and the folders where other tools keep them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from genctl.errors import ExitStatus, GenctlError
from genctl.weights import sha256_of

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIZE_BYTES = 95_628_359
# The same bytes under two names.
URLS = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
)
FILE_NAMES = tuple(url.rpartition("/")[2] for url in URLS)
ENVIRONMENT_VARIABLE = "GENCTL_WEIGHTS"


@dataclass(frozen=True)
class Search:
    """The result of the search for the weights.

    Attributes:
        path: the first file whose content is verified, if any.
        rejected: one clause for each candidate file that does not contain them.
    """

    path: Path | None
    rejected: tuple[str, ...]


def find_weights() -> Search:
    """Look for verified weights: ``$GENCTL_WEIGHTS`` (file or folder), then torch's hub folder."""
    rejected = []
    for path in _candidates():
        fault = _fault(path)
        if fault is None:
            return Search(path, ())
        rejected.append(f"{path} {fault}")
    return Search(None, tuple(rejected))


def missing_weights(search: Search) -> GenctlError:
    """The error when Inception is needed and no verified weights were found."""
    looked = f"looked in ${ENVIRONMENT_VARIABLE} and {torch_hub_folder()}"
    return GenctlError(
        ExitStatus.DATA,
        "; ".join(["the FID Inception weights were not found", looked, *search.rejected]),
        hint=f"put {URLS[0]} (or the same file under its other name, {URLS[1]}; "
        f"{SIZE_BYTES:,} bytes, sha256 {SHA256}) into {torch_hub_folder()}",
    )


def torch_hub_folder() -> Path:
    """The folder where torch, and so most FID tools, keeps downloaded weights."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def _candidates() -> Iterator[Path]:
    """The file that the environment names, then files of the right name in the right folders."""
    folders = [torch_hub_folder()]
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        if Path(named).is_dir():
            folders.insert(0, Path(named))
        else:
            yield Path(named)
    for folder in folders:
        yield from (folder / name for name in FILE_NAMES if (folder / name).is_file())


def _fault(path: Path) -> str | None:
    """Why ``path`` is not the published file; None if it is."""
    try:
        verified = path.stat().st_size == SIZE_BYTES and sha256_of(path) == SHA256
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if verified else "has other content (damaged, or not the published weights)"
