"""``genctl data label``: a first ``labels.csv``, to be corrected by hand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from genctl.api.devices import resolve_device
from genctl.data.digits import CLASS_NAMES
from genctl.data.file_stream import FileStream
from genctl.data.label_file import LABELS, to_csv
from genctl.data.listing import has_test_split, list_splits
from genctl.data.sources import place_of
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.digits import DigitsExtractor
from genctl.evaluation.features import extract
from genctl.files import write_atomic

DIGITS = "digits"


@dataclass(frozen=True)
class Labelled:
    """What `label_data` wrote.

    Attributes:
        path: the file.
        counts: class -> how many images have it.
        unlabelled: files whose names do not match the pattern.
    """

    path: Path
    counts: Mapping[str, int]
    unlabelled: tuple[str, ...] = ()


def label_data(
    source: str, *, pattern: str | None = None, by: str | None = None, device: str | None = None
) -> Labelled:
    """Write ``labels.csv`` into a folder of images, which training and evaluation then obey.

    Args:
        source: a folder, not laid out as ``train`` and ``test``.
        pattern: a regular expression for the files' paths, with ``/``; its group ``label``, or its
            first one, is the class.
        by: ``digits``: what the bundled classifier of digits takes each image for.
        device: where the classifier runs.

    Raises:
        GenctlError: (USAGE) not one of pattern and classifier, or a pattern that is none or has no
            group; (DATA) no folder of images, labels that are there already, or no match at all.
    """
    root = place_of(source)
    if not root.is_dir():
        raise GenctlError(ExitStatus.DATA, f"{source} is no folder", hint="name a folder of images")
    if has_test_split(root):
        raise GenctlError(
            ExitStatus.DATA,
            f"{root} has two splits, and each has labels of its own",
            hint=f"genctl data label {root / 'train'}",
        )
    if (root / LABELS).exists():
        raise GenctlError(
            ExitStatus.DATA, f"{root / LABELS} is there already", hint="move it away first"
        )
    if (pattern is None) == (by is None):
        raise GenctlError(
            ExitStatus.USAGE,
            "labels come from the files' names or from a classifier",
            hint="--pattern '([^_]+)_.*' or --by digits",
        )
    images = list_splits(root)["train"].images
    found = (
        _by_pattern(images, pattern) if pattern is not None else _by_digits(root, by or "", device)
    )
    if not found:
        raise GenctlError(
            ExitStatus.DATA,
            f"no file in {root} matches {pattern!r}",
            hint=f"the first is {images[0].as_posix()!r}" if images else "",
        )
    write_atomic(root / LABELS, to_csv(found))
    rest = tuple(path.as_posix() for path in images if path not in found)
    return Labelled(root / LABELS, Counter(found.values()), rest)


def _by_pattern(images: tuple[PurePath, ...], pattern: str) -> dict[PurePath, str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise GenctlError(
            ExitStatus.USAGE, f"--pattern {pattern!r} is no regular expression: {error}"
        ) from None
    if not compiled.groups:
        raise GenctlError(
            ExitStatus.USAGE,
            f"--pattern {pattern!r} has no group to take the label from",
            hint="--pattern '([^_]+)_.*'",
        )
    group: str | int = "label" if "label" in compiled.groupindex else 1
    matches = {path: compiled.search(path.as_posix()) for path in images}
    return {path: str(match[group]) for path, match in matches.items() if match and match[group]}


def _by_digits(root: Path, by: str, device: str | None) -> dict[PurePath, str]:
    if by != DIGITS:
        raise GenctlError(ExitStatus.USAGE, f"--by {by!r}: there is {DIGITS}", hint="--by digits")
    stream, extractor = FileStream(root), DigitsExtractor(resolve_device(device))
    features = extract(extractor, stream.read(range(stream.count)))
    classes = extractor.logits(features.values).argmax(1).tolist()
    paths = list_splits(root)["train"].images
    return {
        paths[row]: CLASS_NAMES[label]
        for row, label in zip(features.rows.tolist(), classes, strict=True)
    }
