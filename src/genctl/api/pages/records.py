"""What the records of a run say: its data, its state and its previews; without torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genctl import documents
from genctl.runs import Run

if TYPE_CHECKING:
    from genctl.contracts import DataSpec

State = Literal["running", "finished", "unfinished"]

_KINDS = {".png": ("image", "image/png"), ".txt": ("text", "text/plain; charset=utf-8")}
"""Suffix -> how a browser shows the file, and its media type."""
_OTHER = ("file", "application/octet-stream")
_PREVIEW = re.compile(r"step-(\d+)")


@dataclass(frozen=True)
class SampleFile:
    """A file in ``samples/`` of a run.

    Attributes:
        kind: how a browser shows it: ``image``, ``text`` or ``file``.
        media: its media type.
        step: the step of a preview; None for other files.
    """

    path: Path
    kind: str
    media: str
    step: int | None


def data_of(run: Run) -> DataSpec | None:
    """The data of a run; None if it stopped before they were read.

    Raises:
        GenctlError: (DATA) ``data.json`` is damaged, or of a newer format.
    """
    document = run.read("data.json")
    return None if document is None else data_in(document, run.path / "data.json")


def data_in(document: Mapping[str, Any], place: Path) -> DataSpec:
    """The data that a document describes.

    Args:
        place: where the document is, for the error.

    Raises:
        GenctlError: (DATA) it is damaged, or of a newer format.
    """
    from genctl.contracts import DataSpec

    try:
        return DataSpec.from_json(document)
    except (TypeError, ValueError) as error:
        raise documents.damaged(place, error) from None


def state_of(run: Run) -> tuple[State, str | None]:
    """The state of a run, and the process that trains it.

    Raises:
        GenctlError: (DATA) ``last.json`` is damaged.
    """
    if holder := run.holder():
        return "running", holder
    return ("finished" if run.finished else "unfinished"), None


def sample_files(run: Run) -> list[SampleFile]:
    """The complete files in ``samples/``, sorted by name."""
    found = run.samples.iterdir() if run.samples.is_dir() else ()
    paths = sorted(path for path in found if path.is_file() and not path.name.startswith("."))
    return [_described(path) for path in paths]


def previews_of(run: Run) -> list[SampleFile]:
    """The previews of the training, from the first to the last."""
    found = [(file.step, file) for file in sample_files(run) if file.step is not None]
    return [file for _, file in sorted(found, key=lambda pair: pair[0])]


def _described(path: Path) -> SampleFile:
    kind, media = _KINDS.get(path.suffix.lower(), _OTHER)
    step = _PREVIEW.fullmatch(path.stem)
    return SampleFile(path, kind, media, int(step[1]) if step else None)
