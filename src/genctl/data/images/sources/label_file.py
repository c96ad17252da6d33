"""Labels in a file beside the images: ``labels.csv``, or StyleGAN's ``dataset.json``."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from typing import NamedTuple

from genctl import documents
from genctl.data.foreign import decoded, readable
from genctl.data.images.decode import Openable
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion
from genctl.wording import some_of

LABELS = "labels.csv"
NAMES = (LABELS, "dataset.json")
_FILE = ("file", "filename", "file_name", "path", "image", "文件", "文件名", "路径", "图片")
_LABEL = ("label", "class", "class_name", "category", "标签", "类别")
_SPLIT = ("split", "subset")
_SEPARATORS = ",;\t|"
MAX_BYTES = 2**28


class _Row(NamedTuple):
    number: int
    file: str
    label: str
    split: str


@dataclass(frozen=True)
class LabelFile:
    """A file of labels.

    Attributes:
        name: its name.
        rows: path -> its rows; several rows may say the same, or contradict each other.
        has_labels: whether it has any labels: ``{"labels": null}`` has none.
        has_splits: whether it has a column of splits.
        notes: what to know about how it was read, one line each.
    """

    name: str
    rows: Mapping[str, Sequence[_Row]]
    has_labels: bool = True
    has_splits: bool = False
    notes: tuple[str, ...] = ()

    def labels(self, images: Mapping[PurePath, PurePath]) -> dict[PurePath, str]:
        """The class of each image; empty if the file has none.

        Args:
            images: image -> its path relative to this file.

        Raises:
            GenctlError: (DATA) images lack a label, or have two.
        """
        if not self.has_labels:
            return {}
        missing = [path for path in images.values() if not self._of(path)]
        if missing:
            shown = some_of(path.as_posix() for path in missing)
            raise refusal(self.name, f"{len(missing)} images have no label in it: {shown}")
        disputed = [path for path in images.values() if len({r.label for r in self._of(path)}) > 1]
        if disputed:
            raise refusal(self.name, self._dispute(disputed))
        return {image: self._of(path)[0].label for image, path in images.items()}

    def names_any(self, images: Iterable[PurePath]) -> bool:
        """Whether it has a row of one of these paths."""
        return any(map(self._of, images))

    def splits(self, images: Iterable[PurePath]) -> dict[PurePath, str]:
        """The split of each image in lower case; empty for an image without one.

        Raises:
            GenctlError: (DATA) rows name several splits for one image.
        """
        found = {}
        for path in images:
            named = {row.split.casefold() for row in self._of(path)}
            if len(named) > 1:
                raise refusal(
                    self.name, f"{path.as_posix()} is in the splits {some_of(sorted(named))}"
                )
            found[path] = "".join(named)
        return found

    def _of(self, path: PurePath) -> Sequence[_Row]:
        return self.rows.get(_key(path.as_posix()), ())

    def _dispute(self, disputed: Sequence[PurePath]) -> str:
        rows = self._of(disputed[0])
        first = rows[0]
        other = next(row for row in rows if row.label != first.label)
        count = len(disputed)
        return (
            f"rows contradict each other: {count:,} image{'' if count == 1 else 's'} "
            f"with two labels: {disputed[0].as_posix()} is {first.label!r} in row {first.number} "
            f"and {other.label!r} in row {other.number}"
        )


def read_labels(name: str, file: Openable) -> LabelFile:
    """The content of a file of labels.

    ``labels.csv`` has a header with ``file`` and ``label``, and may have ``split``. Commas,
    semicolons, tabs or bars separate the columns. ``dataset.json`` is
    ``{"labels": [["a/b.png", 3], ...]}``, or ``{"labels": null}`` without classes. Paths are
    relative to the file, with ``/``.

    Args:
        name: the name of the file, one of `NAMES`.

    Raises:
        GenctlError: (DATA) the file cannot be read.
    """
    try:
        with file.open("rb") as opened:
            text, guessed = decoded(opened.read(MAX_BYTES))
        read = _from_csv if name.endswith(".csv") else _from_json
        rows, has_splits = read(text)
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise refusal(name, str(error) or type(error).__name__) from None
    notes = (f"{name} is not in UTF-8, and was read as {guessed}",) if guessed else ()
    by_file: dict[str, list[_Row]] = {}
    for row in rows or ():
        by_file.setdefault(_key(row.file), []).append(row)
    return LabelFile(name, by_file, rows is not None, has_splits, notes)


def _key(path: str) -> str:
    """The same for all ways to write a path: accents apart, as macOS writes them, and ``\\``."""
    composed = unicodedata.normalize("NFC", path)
    return PurePosixPath(composed.replace("\\", "/")).as_posix()


def to_csv(labels: Mapping[PurePath, str]) -> str:
    """The content of a ``labels.csv``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "label"))
    writer.writerows((path.as_posix(), label) for path, label in labels.items())
    return text.getvalue()


def _from_csv(text: str) -> tuple[list[_Row], bool]:
    if text[:5].lower() in [f"sep={mark}" for mark in _SEPARATORS]:  # a line for Excel alone
        text = text[5:].lstrip("\r\n")
    for mark in _SEPARATORS:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
        columns = [name.strip().casefold() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        file, label, split = (_column(columns, known) for known in (_FILE, _LABEL, _SPLIT))
        if file and label:
            break
    else:
        raise ValueError("its first line is not a header with file and label")
    rows = [
        _Row(reader.line_num, row[file].strip(), row[label].strip(), (row.get(split) or "").strip())
        for row in reader
        if row[file] and row[label]
    ]
    return [row for row in rows if row.file and row.label], bool(split)


def _column(columns: Sequence[str], known: Sequence[str]) -> str:
    return next((column for column in columns if column in known), "")


def _from_json(text: str) -> tuple[list[_Row] | None, bool]:
    pairs = documents.parse(text)["labels"]
    if pairs is None:
        return None, False
    found = [(number, path, label) for number, (path, label) in enumerate(pairs, 1)]
    if any(isinstance(label, list | dict) for _, _, label in found):
        raise ValueError("its labels are vectors, and a class is one number or name")
    return [
        _Row(number, readable(str(path)), readable(str(label)), "")
        for number, path, label in found
        if label is not None
    ], False


def refusal(name: str, why: str) -> GenctlError:
    """The error for a file of labels that cannot be used."""
    return GenctlError(
        ExitStatus.DATA,
        f"cannot take labels from {name}: {why}",
        suggest=Suggestion(
            "data label",
            text="writes such a file, to be corrected by hand",
            args=(Placeholder("FOLDER"),),
        ),
    )
