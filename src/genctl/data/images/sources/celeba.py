"""CelebA (Liu et al. 2015, arXiv:1411.7766) as published: a ZIP and the list of its partition.

Its page requires a form, so it is never downloaded: the user must copy the files to the folder that
the error names.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from genctl.data.images.sources.listing import is_image
from genctl.data.images.sources.place import Place, of_zip, without_top_folders
from genctl.data.source_files import folder_of
from genctl.errors import ExitStatus, GenctlError
from genctl.wording import some_of

NAME = "celeba"
_ARCHIVE, _PARTITION = "img_align_celeba.zip", "list_eval_partition.txt"
_HOME = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
_SPLITS = {"0": "train", "2": "test"}
"""What the numbers of the list stand for; 1 is a validation split, which is not used."""


def is_celeba(root: Path) -> bool:
    """Whether a folder holds both files."""
    return all(os.path.isfile(root / name) for name in (_ARCHIVE, _PARTITION))


def celeba_folder() -> Path:
    """The folder of the files.

    Raises:
        GenctlError: (DATA) they are missing; the error says where they belong.
    """
    folder = folder_of(NAME)
    if is_celeba(folder):
        return folder
    raise GenctlError(
        ExitStatus.DATA,
        f"the files of {NAME} are not on this machine: {_ARCHIVE} and {_PARTITION}, from {_HOME}",
        hint=f"put both into {folder}",
    )


def split_files(root: Path) -> tuple[Place, dict[str, dict[PurePath, PurePath]]]:
    """The images, and split -> path of an image -> the same path.

    Raises:
        GenctlError: (DATA) the ZIP or the list is damaged.
    """
    try:
        lines = (root / _PARTITION).read_text("utf-8").splitlines()
        numbers = dict(line.split() for line in lines if line.strip())
    except ValueError:
        raise GenctlError(
            ExitStatus.DATA, f"{root / _PARTITION} is not a list of names and numbers", hint=_HOME
        ) from None
    place = without_top_folders(of_zip(root / _ARCHIVE), ())
    found: dict[str, dict[PurePath, PurePath]] = {split: {} for split in _SPLITS.values()}
    unknown = []
    for path in place.files:
        number = numbers.get(path.name)
        if number is None and is_image(path):
            unknown.append(path.name)
        elif split := _SPLITS.get(number or ""):
            found[split][path] = path
    if unknown:
        raise GenctlError(
            ExitStatus.DATA,
            f"{root / _PARTITION} does not name {len(unknown)} images of {_ARCHIVE}: "
            f"{some_of(unknown)}",
            hint=f"use the files as published: {_HOME}",
        )
    return place, found
