"""Which files of a place are tables of images, and of which split."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genctl import documents
from genctl.data.images.sources.place import kind_of
from genctl.data.images.sources.split_names import NAMES as USUAL
from genctl.data.images.sources.split_names import chosen
from genctl.data.source_files import visible_in
from genctl.errors import ExitStatus, GenctlError

PARQUET = ".parquet"
DATASET, DATASETS = "dataset_info.json", "dataset_dict.json"


@dataclass(frozen=True)
class Part:
    """The files of a split, and its name among them."""

    files: Sequence[Path]
    name: str = ""


def is_table(root: Path) -> bool:
    """Whether ``root`` is a Parquet file, a folder of them, or a saved data set."""
    # os.path treats unreadable paths as absent; other code reports why.
    if os.path.isfile(root):
        return root.suffix.lower() == PARQUET
    marked = any(os.path.isfile(root / name) for name in (DATASET, DATASETS))
    return marked or bool(_parquet_files(root))


def splits_of(root: Path) -> dict[str, Part]:
    """Split -> its files, in order."""
    if root.is_file():
        return {"train": Part([root])}
    if (root / DATASETS).is_file():
        names = documents.parse((root / DATASETS).read_text("utf-8"))["splits"]
        folders = {name: root / name for name in names if (root / name).parent == root}
        found = {name: sorted(path.glob("*.arrow")) for name, path in folders.items()}
        if "train" not in chosen(found):
            raise GenctlError(
                ExitStatus.DATA,
                f"{root} has no split named train, only {', '.join(names) or 'none'}",
                hint="name the folder of one split itself",
            )
        return _named(found)
    if (root / DATASET).is_file():
        return {"train": Part(sorted(root.glob("*.arrow")))}
    files: dict[str, list[Path]] = {}
    for path in _parquet_files(root):
        words = re.split(r"[-_.]", path.stem)  # train-00000-of-00002, or cats_test
        name = next((word for word in words if word.casefold() in USUAL), "")
        files.setdefault(name, []).append(path)
    return _named(files)


def _named(files: Mapping[str, list[Path]]) -> dict[str, Part]:
    """The splits by their usual names; what has no such name is trained on if no ``train`` is."""
    named = chosen(files)
    found = {split: Part(files[name], name) for split, name in named.items()}
    if "train" in found:
        return found
    rest = [path for name in files if name.casefold() not in USUAL for path in files[name]]
    every = [path for some in files.values() for path in some]
    return {"train": Part(sorted(rest)), **found} if rest else {"train": Part(sorted(every))}


def unused(root: Path, read: Iterable[Sequence[Path]]) -> Counter[str]:
    """The kinds of the files beside those that are read."""
    if not root.is_dir():
        return Counter()
    used = {path for files in read for path in files}
    beside = (path for path in visible_in(root) if path not in used)
    return Counter(kind_of(path) for path in beside if path.suffix not in (".json", ".lock"))


def _parquet_files(root: Path) -> list[Path]:
    if not os.path.isdir(root):
        return []
    return sorted(path for path in root.glob("*") if path.suffix.lower() == PARQUET)
