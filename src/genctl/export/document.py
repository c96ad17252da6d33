"""The description in every export: JSON that is stored with the weights in all formats."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genctl import documents
from genctl.contracts import DataSpec
from genctl.errors import ExitStatus, GenctlError
from genctl.files import stays_inside

FORMAT_VERSION = 1


def to_text(document: Mapping[str, Any]) -> str:
    """A document as readable JSON, with the version of its format.

    Args:
        document: plain data: ``config`` (`Config.to_json`), ``data`` (`DataSpec.to_json`),
            ``weights`` (which ones they are) and ``step`` (None if unknown), at least; in an export
            of one file also ``assets`` (see `asset_texts`).
    """
    return documents.to_json({"format_version": FORMAT_VERSION, **document}, indent=2)


def from_text(text: str | bytes, origin: Path, *, also: str) -> dict[str, Any]:
    """The document that `to_text` wrote into ``origin``.

    Args:
        also: the name of another text that documents of this kind of export contain.

    Raises:
        GenctlError: not JSON, of another version of the format, or incomplete.
    """
    try:
        document = documents.parse(text)
        version = document["format_version"]
    except (ValueError, KeyError, TypeError):
        raise _damaged(origin) from None
    if version != FORMAT_VERSION:
        raise GenctlError(
            ExitStatus.DATA,
            f"{origin} has export format {version}; this genctl reads format {FORMAT_VERSION}",
            hint="use the version of genctl that wrote it, or export the run again",
        )
    document = _migrated(document)
    if not _is_complete(document, also):
        raise _damaged(origin)
    return dict(document)


def _migrated(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Convert a document from before the files of the data were called assets."""
    if "artefacts" not in document:
        return document
    return {("assets" if key == "artefacts" else key): value for key, value in document.items()}


def asset_texts(assets: Mapping[str, bytes]) -> dict[str, dict[str, str]]:
    """The files of the data for a document; all of them are text."""
    texts = {name: content.decode() for name, content in assets.items()}
    return {"assets": texts} if texts else {}


def _is_complete(document: Mapping[str, Any], also: str) -> bool:
    try:
        config, step = document["config"], document["step"]
        data = DataSpec.from_json(document["data"])
        if not all(map(stays_inside, data.assets)) or not _are_whole(document, data):
            return False
        texts = (config["family"], config["preset"], document["weights"], document[also])
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return all(isinstance(text, str) for text in texts) and isinstance(step, int | None)


def _are_whole(document: Mapping[str, Any], data: DataSpec) -> bool:
    """Whether the files in a document, if any, are those that its data names."""
    if "assets" not in document:
        return True
    carried = {n: hashlib.sha256(t.encode()).hexdigest() for n, t in document["assets"].items()}
    return carried == dict(data.assets)


def _damaged(origin: Path) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"{origin} is damaged: its description by genctl cannot be read",
        hint="export the run again",
    )
