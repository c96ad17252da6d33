"""genctl's own export: a folder of safetensors, configuration, facts of the data, a model card."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from genctl.errors import ExitStatus, GenctlError
from genctl.export.document import from_text, to_text
from genctl.export.proof import Proof, refuted
from genctl.files import make_directory
from genctl.staging import staged
from genctl.weights import load_tensors, save_tensors, sha256_of, sha256_of_tensors

_DOCUMENT = "genctl.json"
_WEIGHTS = "model.safetensors"
_CARD = "README.md"


def is_bundle(path: Path) -> bool:
    """Whether `write` made the folder ``path``."""
    return (path / _DOCUMENT).is_file()


def write(
    path: Path,
    document: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    *,
    card: str,
    parents: Path | None = None,
    assets: Mapping[str, bytes] | None = None,
) -> Proof:
    """Write a folder that `read` and ``genctl.load`` read, and check it by reading it back.

    Args:
        document: see `genctl.export.document.to_text`.
        tensors: ``module.parameter`` -> tensor.
        card: the text of README.md.
        parents: folder of the bundles that the model depends on, which is copied too.
        assets: the files that the document's data names, such as its tokenizer -> their content.

    Raises:
        GenctlError: it cannot be written, or does not read back bit for bit; an earlier export at
            ``path`` is unchanged.
    """
    with staged(path, existing="replace") as stage:
        save_tensors(stage / _WEIGHTS, tensors)
        known = {**document, "sha256": sha256_of(stage / _WEIGHTS)}
        (stage / _DOCUMENT).write_text(to_text(known), "utf-8")
        (stage / _CARD).write_text(card, "utf-8")
        if parents is not None and parents.is_dir():
            shutil.copytree(parents, stage / "parents")
        for name, content in (assets or {}).items():
            make_directory((stage / name).parent)
            (stage / name).write_bytes(content)
        proof = _prove(stage, path, known, tensors)
    return proof


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The document and the tensors of a bundle.

    Raises:
        GenctlError: damaged, incomplete, or of another version.
    """
    try:
        text = (path / _DOCUMENT).read_bytes()
    except OSError as error:
        raise GenctlError(
            ExitStatus.DATA, f"{path} is not a folder that genctl exported: {error}"
        ) from None
    document = from_text(text, path / _DOCUMENT, also="sha256")
    tensors = load_tensors(path / _WEIGHTS)
    if sha256_of(path / _WEIGHTS) != document["sha256"]:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path / _WEIGHTS} is damaged: its checksum is not the one it was written with",
            hint="copy the folder again, or export the run again",
        )
    return document, tensors


def read_card(path: Path) -> str:
    """The model card of a bundle; empty if it was deleted."""
    card = path / _CARD
    return card.read_text("utf-8", "replace") if card.is_file() else ""


def _prove(
    stage: Path, path: Path, document: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> Proof:
    """Compare the files in ``stage`` with the expected content: names, types and bits."""
    found, stored = read(stage)
    if to_text(found) != to_text(document):
        raise refuted(path, f"{_DOCUMENT} reads back differently")
    if sha256_of_tensors(stored) != sha256_of_tensors(tensors):
        raise refuted(path, f"{_WEIGHTS} reads back differently")
    assets: Mapping[str, str] = document["data"]["assets"]
    for name, sha256 in assets.items():
        file = stage / name
        if not file.is_file() or sha256_of(file) != sha256:
            raise refuted(path, f"{name} is not what belongs to the data")
    return Proof(
        format="safetensors",
        runtime=f"safetensors {version('safetensors')}",
        inputs=(f"{len(tensors)} tensors", *assets),
        error=0.0,
        tolerance=0.0,
    )
