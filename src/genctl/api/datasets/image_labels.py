"""The labels of images, from their names or from a classifier."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from genctl.compat.callables import first_line, import_callable, is_target
from genctl.data.findings import Labelled
from genctl.data.images.open_source import place_of
from genctl.data.images.sets.digits import CLASS_NAMES
from genctl.data.images.sources.file_stream import FileStream
from genctl.data.images.sources.label_file import LABELS, to_csv
from genctl.data.images.sources.splits import list_splits
from genctl.engine.devices import resolve_device
from genctl.errors import ExitStatus, GenctlError, Suggestion, opt
from genctl.evaluation.extractors.digits import DigitsExtractor
from genctl.evaluation.features import extract
from genctl.files import write_atomic

DIGITS = "digits"


_PATTERN = Suggestion("", {"pattern": "([^_]+)_.*"})


def label_images(
    source: str, *, pattern: str | None = None, by: str | None = None, device: str | None = None
) -> Labelled:
    """Write ``labels.csv`` into a folder of images; training and evaluation then read it.

    Args:
        source: a folder, not laid out as ``train`` and ``test``.
        pattern: a regular expression for the files' paths, with ``/``; its group ``label``, or its
            first group, is the class.
        by: ``digits`` for the bundled classifier of digits; or your own ``module:callable``, from
            images (N, H, W, C) uint8 to N labels.
        device: where the classifier runs.

    Raises:
        GenctlError: (USAGE) not exactly one of pattern and classifier is given, or the pattern is
            invalid or has no group; (DATA) there is no folder of images, the labels exist already,
            or nothing matches.
    """
    root = place_of(source)
    if not root.is_dir():
        raise GenctlError(
            ExitStatus.DATA, f"{source} is not a folder", hint="name a folder of images"
        )
    splits = list_splits(root)
    for file in {root / LABELS, Path(splits["train"].place) / LABELS}:
        if file.exists():
            raise GenctlError(ExitStatus.DATA, f"{file} exists", hint="move it away first")
    if len(splits) > 1:
        raise GenctlError(
            ExitStatus.DATA,
            f"{root} has two splits, and each has its own labels",
            suggest=Suggestion("data label", args=(splits["train"].place,)),
        )
    if (pattern is None) == (by is None):
        raise GenctlError(
            ExitStatus.USAGE,
            "labels come from the files' names or from a classifier: choose one of them",
            option="pattern",
            suggest=(_PATTERN, Suggestion("", {"by": DIGITS})),
        )
    listing = splits["train"]
    images, file = listing.images, Path(listing.place) / LABELS
    found = (
        _by_classifier(root, by or "", device) if pattern is None else _by_pattern(images, pattern)
    )
    if not found:
        raise GenctlError(
            ExitStatus.DATA,
            f"no file in {root} matches {pattern!r}",
            hint=f"the first is {images[0].as_posix()!r}" if images else "",
        )
    write_atomic(file, to_csv(found))
    everything = (*images, *listing.loose)
    rest = tuple(path.as_posix() for path in everything if path not in found)
    return Labelled(file, Counter(found.values()), rest)


def _by_pattern(images: tuple[PurePath, ...], pattern: str) -> dict[PurePath, str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('pattern', pattern)} is not a regular expression: {error}",
            option="pattern",
            suggest=_PATTERN,
        ) from None
    if not compiled.groups:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('pattern', pattern)} has no group to take the label from",
            option="pattern",
            suggest=_PATTERN,
        )
    group: str | int = "label" if "label" in compiled.groupindex else 1
    matches = {path: compiled.search(path.as_posix()) for path in images}
    return {path: str(match[group]) for path, match in matches.items() if match and match[group]}


def _by_classifier(root: Path, by: str, device: str | None) -> dict[PurePath, str]:
    if is_target(by):
        return _by_callable(root, import_callable(by), by)
    if by != DIGITS:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('by', by)} is neither {DIGITS} nor module:callable",
            option="by",
            suggest=DIGITS,
        )
    return _by_digits(root, device)


def _by_callable(root: Path, classify: Callable[..., Any], name: str) -> dict[PurePath, str]:
    stream = FileStream(root)
    reading, paths = stream.read(range(stream.count)), list_splits(root)["train"].images
    found: list[str] = []
    for batch in reading:
        try:
            labels = [str(label) for label in classify(batch)]
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raise _misfit(name, f"it failed: {first_line(error)}") from None
        if len(labels) != len(batch):
            raise _misfit(name, f"for {len(batch)} images it returned {len(labels)} labels")
        found += labels
    return {paths[row]: label for row, label in zip(reading.rows, found, strict=True)}


def _misfit(name: str, why: str) -> GenctlError:
    return GenctlError(
        ExitStatus.USAGE,
        f"cannot take labels from {name}: {why}",
        hint="it must take images (N, H, W, C) uint8 and return N labels",
    )


def _by_digits(root: Path, device: str | None) -> dict[PurePath, str]:
    stream, extractor = FileStream(root), DigitsExtractor(resolve_device(device))
    features = extract(extractor, stream.read(range(stream.count)))
    classes = extractor.logits(features.values).argmax(1).tolist()
    paths = list_splits(root)["train"].images
    return {
        paths[row]: CLASS_NAMES[label]
        for row, label in zip(features.rows.tolist(), classes, strict=True)
    }
