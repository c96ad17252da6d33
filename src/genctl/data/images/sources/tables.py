"""Images in tables: Parquet files, and folders that Hugging Face's ``datasets`` saved to disk.

Read with pyarrow (``pip install "genctl[parquet]"``). An image is a column of bytes, or of structs
of ``bytes`` and ``path`` as ``datasets`` writes them; a label is a column of numbers or texts.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO, Literal

from genctl import documents
from genctl.data.images.decode import Openable
from genctl.errors import ExitStatus, GenctlError

PARQUET = ".parquet"
NO_LABEL = -1
HELD_OUT = ("test", "validation", "valid", "val", "dev")
"""Names of the test split of a table or folder: the first one that exists."""

_DATASET, _DATASETS = "dataset_info.json", "dataset_dict.json"
_IMAGE, _LABEL = (
    ("image", "img", "picture", "png", "jpg"),
    ("label", "labels", "class", "fine_label"),
)
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
    """

    cells: Mapping[PurePath, Cell]
    stamp: str
    labels: Mapping[PurePath, str] | None
    captions: Callable[[], Mapping[PurePath, Openable]] | None


def is_table(root: Path) -> bool:
    """Whether ``root`` is a Parquet file, a folder of them, or a saved data set."""
    # os.path treats unreadable paths as absent; other code reports why.
    if os.path.isfile(root):
        return root.suffix.lower() == PARQUET
    marked = any(os.path.isfile(root / name) for name in (_DATASET, _DATASETS))
    return marked or bool(_parquet_files(root))


def read_tables(root: Path) -> dict[str, Table]:
    """``train``, and ``test`` where there are files or folders of that name.

    Raises:
        GenctlError: (USAGE) pyarrow is not installed; (DATA) damaged, or no column of images.
    """
    arrow = _pyarrow()
    try:
        return {split: _table(root, parts, arrow) for split, parts in _splits(root).items()}
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


def _splits(root: Path) -> dict[str, list[Path]]:
    """Split -> its files, in order."""
    if root.is_file():
        return {"train": [root]}
    if (root / _DATASETS).is_file():
        names = documents.parse((root / _DATASETS).read_text("utf-8"))["splits"]
        folders = {name: root / name for name in names if (root / name).parent == root}
        found = {name: sorted(path.glob("*.arrow")) for name, path in folders.items()}
        if "train" not in found:
            raise GenctlError(
                ExitStatus.DATA,
                f"{root} has no split named train, only {', '.join(names) or 'none'}",
                hint="name the folder of one split itself",
            )
        return _named(found)
    if (root / _DATASET).is_file():
        return {"train": sorted(root.glob("*.arrow"))}
    files: dict[str, list[Path]] = {}
    for path in _parquet_files(root):
        files.setdefault(path.stem.partition("-")[0], []).append(path)
    return _named(files) if "train" in files else {"train": _parquet_files(root)}


def _named(files: Mapping[str, list[Path]]) -> dict[str, list[Path]]:
    """``train``, and ``test`` from the first of its possible names."""
    held_out = next((name for name in HELD_OUT if name in files), None)
    found = {"train": files["train"]}
    return found if held_out is None else {**found, "test": files[held_out]}


def _parquet_files(root: Path) -> list[Path]:
    if not os.path.isdir(root):
        return []
    return sorted(path for path in root.glob("*") if path.suffix.lower() == PARQUET)


def _table(root: Path, files: Sequence[Path], arrow: Any) -> Table:
    if not files:
        raise ValueError("it has no files")
    whole = arrow.concat_tables([_read(path, arrow) for path in files])
    image = _column(whole.column_names, _IMAGE)
    if image is None:
        raise refusal(root, f"none of its columns ({', '.join(whole.column_names)}) has images")
    column = whole.column(image)
    cells: dict[PurePath, Cell] = {
        PurePosixPath(f"{row}.png"): Cell(column, row) for row in range(len(column))
    }
    states = [(path.name, path.stat()) for path in files]
    stamp = ":".join(_stamp(name, state) for name, state in states)
    captions = _captions(whole, cells)
    label = _column(whole.column_names, _LABEL)
    if label is None:
        return Table(cells, stamp, None, captions)
    names = _class_names(root, files[0].parent, whole.schema.metadata or {}, label)
    labels = _labels(whole.column(label).to_pylist(), names, label)
    given = None if labels is None else dict(zip(cells, labels, strict=True))
    return Table(cells, stamp, given, captions)


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
    files = [path for path in (folder / _DATASET, root / _DATASET) if path.is_file()]
    found += (documents.parse(path.read_text("utf-8")) for path in files)
    for document in found:
        feature = (document.get("features") or {}).get(label, {})
        if feature.get("names"):
            return [str(name) for name in feature["names"]]
    return []
