"""Whether a source contains images, judged by names alone."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from genctl.data.images.decode import SUFFIXES
from genctl.data.images.open_source import is_named, separate_split
from genctl.data.images.sources.captions import SUFFIX as CAPTION
from genctl.data.source_files import SEEN, files_of
from genctl.registry import Claim

_TABLES = (".parquet", ".arrow")
_OF_IMAGES = (*SUFFIXES, *_TABLES, ".zip", ".npz")


def claims(source: str) -> Claim:
    """How sure it is that ``source`` contains images: likely if at least half of its files do.

    A table is enough, as it has the images of many files. Captions do not count.
    """
    name, _ = separate_split(source, "train")
    if is_named(name):
        return Claim.SURE
    files = list(islice(files_of(name), SEEN))
    found = [file for file in files if _suffix(file) in _OF_IMAGES]
    if not found:
        return Claim.NO
    stems = {file.with_suffix("") for file in found}
    captions = sum(_suffix(file) == CAPTION and file.with_suffix("") in stems for file in files)
    many = 2 * len(found) >= len(files) - captions
    return Claim.LIKELY if many or any(_suffix(f) in _TABLES for f in found) else Claim.POSSIBLE


def _suffix(file: Path) -> str:
    return file.suffix.lower()
