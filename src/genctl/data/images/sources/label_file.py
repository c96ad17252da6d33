"""Labels in a file beside the images: ``labels.csv``, or StyleGAN's ``dataset.json``."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath, PurePosixPath

from genctl import documents
from genctl.data.images.decode import Openable
from genctl.data.source_files import require_utf8
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion
from genctl.wording import some_of

LABELS = "labels.csv"
NAMES = (LABELS, "dataset.json")
_FILE = ("file", "filename", "file_name", "path", "image")
_LABEL = ("label", "class", "class_name", "category")
MAX_BYTES = 2**28


def labels_in(
    found: Sequence[PurePath], file: Callable[[PurePath], Openable], images: Iterable[PurePath]
) -> Mapping[PurePath, str] | None:
    """The class of each image from a file of labels; None where there is none.

    Args:
        found: the files of labels at a place; ``labels.csv`` is read if there are two.
        file: opens one.
        images: all images that need a class.

    Raises:
        GenctlError: (DATA) the file cannot be read, or images lack a label.
    """
    if not found:
        return None
    first = min(found, key=lambda path: NAMES.index(path.name))
    return read_labels(first.name, file(first), images)


def read_labels(name: str, file: Openable, images: Iterable[PurePath]) -> Mapping[PurePath, str]:
    """The class of each image.

    ``labels.csv`` has a header with ``file`` and ``label``; ``dataset.json`` is
    ``{"labels": [["a/b.png", 3], ...]}``. Paths are relative to the file, with ``/``.

    Args:
        name: the name of the file, one of `NAMES`.
        images: all images that need a class.

    Raises:
        GenctlError: (DATA) the file cannot be read, or images lack a label.
    """
    try:
        with file.open("rb") as opened:
            text = documents.text(opened.read(MAX_BYTES))
        found = _from_csv(text) if name.endswith(".csv") else _from_json(text)
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise _refusal(name, str(error) or type(error).__name__) from None
    require_utf8((label for _, label in found), name)
    labels = {_key(PurePosixPath(path)): label for path, label in found}
    missing = [path for path in images if _key(path) not in labels]
    if missing:
        shown = some_of(path.as_posix() for path in missing)
        raise _refusal(name, f"{len(missing)} images have no label in it: {shown}")
    return {path: labels[_key(path)] for path in images}


def _key(path: PurePath) -> str:
    """The same for both ways to write an accent: macOS splits it off in the names of files."""
    return unicodedata.normalize("NFC", path.as_posix())


def to_csv(labels: Mapping[PurePath, str]) -> str:
    """The content of a ``labels.csv``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "label"))
    writer.writerows((path.as_posix(), label) for path, label in labels.items())
    return text.getvalue()


def _from_csv(text: str) -> list[tuple[str, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = [name.strip().casefold() for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    file, label = (
        next((column for column in columns if column in known), None) for known in (_FILE, _LABEL)
    )
    if file is None or label is None:
        raise ValueError("its first line is not a header with file and label")
    filled = (row for row in reader if row[file] and row[label])
    return [(row[file].strip(), row[label].strip()) for row in filled]


def _from_json(text: str) -> list[tuple[str, str]]:
    pairs = documents.parse(text)["labels"]
    if pairs is None:
        raise ValueError("its labels are null")
    return [(str(path), str(label)) for path, label in pairs]


def _refusal(name: str, why: str) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"cannot take labels from {name}: {why}",
        suggest=Suggestion(
            "data label",
            text="writes such a file, to be corrected by hand",
            args=(Placeholder("FOLDER"),),
        ),
    )
