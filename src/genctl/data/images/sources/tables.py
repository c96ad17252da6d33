"""Images in tables: Parquet files, and folders that Hugging Face's ``datasets`` saved to disk.

Read with pyarrow (``pip install "genctl[parquet]"``). An image is a column of bytes, or of structs
of ``bytes`` and ``path`` as ``datasets`` writes them; a label is a column of numbers or texts.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO, Literal

from genctl import documents
from genctl.data.images.decode import Openable
from genctl.data.images.sources.split_names import NAMES as USUAL
from genctl.data.images.sources.split_names import chosen
from genctl.data.images.sources.table_files import DATASET, PARQUET, splits_of, unused
from genctl.errors import ExitStatus, GenctlError

NO_LABEL = -1
_IMAGE, _LABEL = (
    ("image", "img", "picture", "png", "jpg"),
    ("label", "labels", "class", "fine_label"),
)
_SPLIT = ("split", "subset")
_CAPTION = ("caption", "text", "captions", "prompt")


@dataclass(frozen=True)
class Cell:
    """The bytes of an image in a row."""

    _column: Any
    _row: int

    def open(self, _mode: Literal["rb"] = "rb", /) -> BinaryIO:
        """Its bytes, in memory.

        Raises:
            OSError: the row has no image.
        """
        value = self._column[self._row].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            raise OSError("the row has no bytes of an image")
        return io.BytesIO(content)


@dataclass(frozen=True)
class Text:
    """A text as a file."""

    _text: str

    def open(self, _mode: Literal["rb"] = "rb", /) -> BinaryIO:
        """Its bytes in UTF-8."""
        return io.BytesIO(self._text.encode())


@dataclass(frozen=True)
class Table:
    """The images of one split.

    Attributes:
        cells: path that consists of the row number -> cell.
        stamp: the stamp of the files that contain the rows.
        labels: the labels of the rows; None where there are none.
        captions: gives the rows' texts as files; None where there are none.
        split: the name of its split in the table or its files; empty without one.
        left_out: what is in no split, of the train split: kind -> number.
    """

    cells: Mapping[PurePath, Cell]
    stamp: str
    labels: Mapping[PurePath, str] | None
    captions: Callable[[], Mapping[PurePath, Openable]] | None
    split: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)


def read_tables(root: Path) -> dict[str, Table]:
    """``train``, and ``test`` where files, folders or rows have a usual name of held-out data.

    Raises:
        GenctlError: (USAGE) pyarrow is not installed; (DATA) damaged, or no column of images.
    """
    arrow = _pyarrow()
    try:
        parts = splits_of(root)
        wholes = {split: _whole(part.files, arrow) for split, part in parts.items()}
        names = {split: part.name for split, part in parts.items()}
        rows: dict[str, int] = {}
        if len(parts) == 1:
            wholes, names, rows = _by_rows(wholes["train"], names["train"])
        tables = {
            split: _table(root, parts.get(split, parts["train"]).files, whole, names[split])
            for split, whole in wholes.items()
        }
        left_out = Counter(rows) + unused(root, (part.files for part in parts.values()))
        return {**tables, "train": replace(tables["train"], left_out=left_out)}
    except (arrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise refusal(root, " ".join(str(error).split()) or type(error).__name__) from None


def refusal(root: Path, why: str) -> GenctlError:
    """The error for a table without images."""
    return GenctlError(
        ExitStatus.DATA,
        f"cannot take images from {root}: {why}",
        hint="add a column named image, of bytes or in the format of Hugging Face's datasets",
    )


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise GenctlError(
            ExitStatus.USAGE,
            "tables of images need pyarrow (not installed)",
            hint='pip install "genctl[parquet]"',
        ) from None
    return pyarrow


def _by_rows(whole: Any, name: str) -> tuple[dict[str, Any], dict[str, str], dict[str, int]]:
    """The rows of each split by a column of splits, its names, and the number of other rows."""
    column = _column(whole.column_names, _SPLIT)
    values = [str(value).casefold() for value in whole.column(column).to_pylist()] if column else []
    named = chosen(set(values))
    if "test" not in named:
        return {"train": whole}, {"train": name}, {}
    rest = [value for value in values if value not in USUAL]
    of_train = {named["train"]} if "train" in named else set(rest)
    wanted = {"train": of_train, "test": {named["test"]}}
    wholes = {
        split: whole.take([row for row, value in enumerate(values) if value in some])
        for split, some in wanted.items()
    }
    others = Counter(value for value in values if not any(value in s for s in wanted.values()))
    left_out = {f"rows of the split {value!r}": count for value, count in others.items()}
    return wholes, {"train": "", **named}, left_out


def _whole(files: Sequence[Path], arrow: Any) -> Any:
    if not files:
        raise ValueError("it has no files")
    return arrow.concat_tables([_read(path, arrow) for path in files])


def _table(root: Path, files: Sequence[Path], whole: Any, split: str) -> Table:
    image = _column(whole.column_names, _IMAGE)
    if image is None:
        raise refusal(root, f"none of its columns ({', '.join(whole.column_names)}) has images")
    column = whole.column(image)
    cells: dict[PurePath, Cell] = {
        PurePosixPath(f"{row}.png"): Cell(column, row) for row in range(len(column))
    }
    states = [(path.name, path.stat()) for path in files]
    stamp = ":".join([split, *(_stamp(name, state) for name, state in states)])
    captions = _captions(whole, cells)
    label = _column(whole.column_names, _LABEL)
    if label is None:
        return Table(cells, stamp, None, captions, split)
    names = _class_names(root, files[0].parent, whole.schema.metadata or {}, label)
    labels = _labels(whole.column(label).to_pylist(), names, label)
    given = None if labels is None else dict(zip(cells, labels, strict=True))
    return Table(cells, stamp, given, captions, split)


def _stamp(name: str, state: os.stat_result) -> str:
    return f"{name}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"


def _labels(values: Sequence[Any], names: Sequence[str], label: str) -> list[str] | None:
    """The class of each row; None where all have -1, which ``datasets`` writes for no label.

    Raises:
        ValueError: a row has no label, or a number that stands for none of ``names``.
    """
    if names and values and all(value == NO_LABEL for value in values):
        return None
    found = []
    for row, value in enumerate(values):
        if value is None or (names and value == NO_LABEL):
            raise ValueError(f"row {row} has no {label}, and other rows have one")
        if names and isinstance(value, int):
            if not 0 <= value < len(names):
                raise ValueError(f"row {row} has the {label} {value}, of {len(names)} classes")
            value = names[value]
        found.append(str(value))
    return found


def _captions(
    whole: Any, rows: Iterable[PurePath]
) -> Callable[[], Mapping[PurePath, Openable]] | None:
    column = _column(whole.column_names, _CAPTION)
    if column is None:
        return None
    return lambda: {
        row: Text(str(text))
        for row, text in zip(rows, whole.column(column).to_pylist(), strict=True)
        if text is not None
    }


def _read(path: Path, arrow: Any) -> Any:
    if path.suffix.lower() == PARQUET:
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path)
    mapped = arrow.memory_map(str(path))
    try:
        return arrow.ipc.open_stream(mapped).read_all()
    except arrow.ArrowInvalid:
        return arrow.ipc.open_file(mapped).read_all()


def _column(names: Iterable[str], known: Sequence[str]) -> str | None:
    found = {name.casefold(): name for name in names}
    return next((found[name] for name in known if name in found), None)


def _class_names(
    root: Path, folder: Path, metadata: Mapping[bytes, bytes], label: str
) -> list[str]:
    """The names that ``datasets`` gives to the numbers of the label; empty without names."""
    inside = metadata.get(b"huggingface")
    found = [documents.parse(inside)["info"]] if inside else []
    files = [path for path in (folder / DATASET, root / DATASET) if path.is_file()]
    found += (documents.parse(path.read_text("utf-8")) for path in files)
    for document in found:
        feature = (document.get("features") or {}).get(label, {})
        if feature.get("names"):
            return [str(name) for name in feature["names"]]
    return []
