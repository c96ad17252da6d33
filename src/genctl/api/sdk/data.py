"""Data in Python: check, clean and label before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genctl.api.datasets import check as checking
from genctl.api.datasets import clean as cleaning
from genctl.api.datasets.label import label_data
from genctl.data.findings import Cleaned, DataCheck, Labelled


def check(
    source: str | Path, *, preview: str | Path | None = None, encoding: str | None = None
) -> DataCheck:
    """Check every example of a data set, before training.

    >>> genctl.check("digits").kind
    'images'

    Args:
        preview: a ``.png`` file to write, with up to 64 of the images.
        encoding: the encoding of texts without a byte-order mark that are not UTF-8.

    Raises:
        GenctlError: (DATA) the source does not exist or is empty; (USAGE) an option belongs to
            another kind of data.
    """
    place = None if preview is None else Path(preview)
    return checking.check_data(str(source), place, encoding)


def clean(source: str | Path, out: str | Path, **settings: Any) -> Cleaned:
    """Write a copy of a data set without damaged and duplicate examples.

    >>> genctl.clean("photos", "photos-clean", size=(8, 8)).kept
    2

    Args:
        settings: for images ``size`` (height, width), ``channels``, ``near``.

    Raises:
        GenctlError: (USAGE) this kind of data cannot be cleaned or does not have a setting, or
            ``out`` exists; (DATA) nothing is left.
    """
    return cleaning.clean_data(str(source), out, **settings)


def label(
    source: str | Path,
    *,
    pattern: str | None = None,
    by: str | None = None,
    device: str | None = None,
) -> Labelled:
    """Write ``labels.csv`` into a folder of images, which training and evaluation then follow.

    >>> dict(genctl.label("photos", pattern=r"(\\w)\\.png").counts)
    {'a': 1, 'b': 1}

    Args:
        pattern: a regular expression for the files' paths; its first group is the class.
        by: ``digits``, the bundled classifier; or your own ``module:callable``, from images
            (N, H, W, C) uint8 to N labels.

    Raises:
        GenctlError: (USAGE) not exactly one of pattern and classifier is given; (DATA) there is no
            folder of images, or the labels exist already.
    """
    return label_data(str(source), pattern=pattern, by=by, device=device)
