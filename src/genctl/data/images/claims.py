"""Whether a source contains images, judged by names alone."""

from __future__ import annotations

from genctl.data.images.decode import SUFFIXES
from genctl.data.images.open_source import is_named, separate_split
from genctl.data.source_files import files_of
from genctl.registry import Claim

_OF_IMAGES = (*SUFFIXES, ".zip", ".npz", ".parquet", ".arrow")


def claims(source: str) -> Claim:
    """How sure it is that ``source`` contains images; one image file in a folder is enough."""
    name, _ = separate_split(source, "train")
    if is_named(name):
        return Claim.SURE
    found = any(file.suffix.lower() in _OF_IMAGES for file in files_of(name))
    return Claim.LIKELY if found else Claim.NO
