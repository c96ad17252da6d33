"""Data in Python: check, clean and label before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genctl.api.datasets import check as checking
from genctl.api.datasets import clean as cleaning
from genctl.api.datasets.label import Labelled, label_data
from genctl.data.findings import DataCheck


def check(
    source: str | Path, *, preview: str | Path | None = None, encoding: str | None = None
) -> DataCheck:
    """Look at every example of a data set, before training.

    >>> genctl.check("digits").kind
    'images'

    Args:
        preview: a ``.png`` to write, with up to 64 of the images.
        encoding: of texts without a byte-order mark that are not UTF-8.

    Raises:
        GenctlError: (DATA) no such source, or nothing in it; (USAGE) an option of another kind of
            data.
    """
    place = None if preview is None else Path(preview)
    return checking.check_data(str(source), place, encoding)


def clean(source: str | Path, out: str | Path, **settings: Any) -> Any:
    """Write a copy of a data set without what would harm a training.

    >>> genctl.clean("photos", "photos-clean", size=(8, 8)).kept
    2

    Args:
        settings: of images ``size`` (height, width), ``channels``, ``near``.

    Raises:
        GenctlError: (USAGE) a kind of data that cannot be cleaned, or a place that is taken;
            (DATA) nothing is left.
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
        by: ``digits``, the bundled classifier; or ``module:callable`` of your own, from images
            (N, H, W, C) uint8 to N labels.

    Raises:
        GenctlError: (USAGE) not one of pattern and classifier; (DATA) no folder of images, or
            labels that are there already.
    """
    return label_data(str(source), pattern=pattern, by=by, device=device)
