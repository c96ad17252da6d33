"""A check of images before a model is trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from genctl.data.findings import DataCheck, Section, left_out
from genctl.data.images import decode
from genctl.data.images.drawing import grid, save_png, thumbnail
from genctl.data.images.open_source import is_files, open_source, place_of
from genctl.data.images.open_stream import open_stream
from genctl.data.images.report import FileFacts, ImageReport, shared, survey, survey_source
from genctl.data.images.sources.captions import MAX_BYTES
from genctl.data.images.sources.folder import too_many_unreadable
from genctl.data.images.sources.listing import class_names, classes_of
from genctl.data.images.sources.splits import list_splits, listing_of
from genctl.data.images.stream import evenly_spaced
from genctl.data.source_files import require_utf8
from genctl.wording import NAMED, some_of

PREVIEW = 64
FEW, MANY_TIMES = 100, 10


def check_images(source: str, preview: Path | None = None) -> DataCheck:
    """Check every image that ``source`` names.

    Args:
        source: a folder, ``.zip``, ``.npz`` or built-in set.
        preview: a ``.png`` to write, with up to 64 of the images; not written if none can be read.

    Raises:
        GenctlError: (DATA) no such source, or no images in it; the place is not writable.
    """
    require_utf8([source])
    splits = _splits(source)
    first = next(iter(splits.values()))
    sections = [
        _files(splits),
        _sizes(first),
        _copies(first),
        _classes(first),
        _captions(first),
        _overlap(splits),
    ]
    if not first.rows:
        preview = None
    if preview is not None:
        _save_preview(source, first.rows, preview)
    kept = [section for section in sections if section.facts or section.warnings]
    return DataCheck(source, kept, _unusable(splits), preview)


def _splits(source: str) -> dict[str, ImageReport]:
    if not is_files(source):
        opened = open_source(source)
        held_out = opened.held_out()
        found = {opened.split: survey_source(opened)}
        return found if held_out is None else {**found, "test": survey_source(held_out)}
    place = place_of(source)
    listings = list_splits(place)
    names = class_names(listings.values())
    for split in listings:
        listing_of(listings, split, place)
    return {split: survey(found, classes_of(found, names)) for split, found in listings.items()}


def _files(splits: dict[str, ImageReport]) -> Section:
    section = Section("Files")
    for split, found in splits.items():
        total = len(found.files) + len(found.unreadable)
        held_out = f", held out: {found.folder or split}" if split != "train" else ""
        section.facts[split] = f"{total:,} images{held_out}"
        unreadable = [f"{path.as_posix()}: {why}" for path, why in found.unreadable.items()]
        gone = left_out(found.left_out, unreadable, len(found.files))
        section.warnings += [f"{split}: {gone}"] if gone else []
        section.warnings += found.notes
    return section


def _sizes(found: ImageReport) -> Section:
    section = Section("Sizes and depths")
    sizes = found.sizes
    shown = [f"{h}x{w} ({count:,})" for (h, w), count in sizes.most_common(NAMED)]
    section.facts["height x width"] = ", ".join(shown) + (", ..." if len(sizes) > NAMED else "")
    section.facts["formats"] = _counted(file.format for file in found.files)
    depths = {1: "grey", 3: "colour", 4: "with alpha"}
    section.facts["depths"] = _counted(depths[file.channels] for file in found.files)
    if len(sizes) > 1:
        shortest = sorted(min(size) for size in sizes.elements())
        middle = shortest[len(shortest) // 2]
        section.warnings.append(
            f"{len(sizes)} sizes: training needs one, such as data.size = {_round(middle)}"
        )
    for what, some in (
        (
            "JPEG files: their compression artefacts are learned, too",
            _where(found, "format", "JPEG"),
        ),
        ("16 bits per channel, of which 8 are used", [f for f in found.files if f.deep]),
        ("CMYK, turned into RGB without a colour profile", _where(found, "mode", "CMYK")),
        ("animated: only the first frame is used", [f for f in found.files if f.frames > 1]),
        ("turned by the camera's tag, which is applied", [f for f in found.files if f.turned]),
    ):
        if some:
            names = some_of(file.path.as_posix() for file in some)
            section.warnings.append(f"{len(some):,} {what}: {names}")
    if doubt := decode.doubt_of_depth(file.brightest for file in found.files):
        section.warnings.append(doubt)
    if len({file.channels for file in found.files}) > 1:
        section.warnings.append("several depths: all images are converted to the deepest")
    return section


def _copies(found: ImageReport) -> Section:
    section = Section("Copies")
    groups = found.copies()
    if groups:
        repeated = sum(len(group) - 1 for group in groups)
        named = (" = ".join(file.path.as_posix() for file in group[:3]) for group in groups)
        section.warnings.append(f"{repeated:,} are copies of others: {some_of(named)}")
    near = found.near_copies()
    if near:
        named = (f"{one.path.as_posix()} ~ {two.path.as_posix()}" for one, two in near)
        section.warnings.append(f"{len(near):,} pairs look nearly the same: {some_of(named)}")
    if not section.warnings:
        section.facts["copies"] = "none"
    return section


def _classes(found: ImageReport) -> Section:
    section = Section("Classes")
    if not found.classes:
        section.facts["classes"] = "none: no sub-folders, and no labels.csv"
        return section
    counts = sorted(found.classes.items(), key=lambda item: -item[1])
    (most, largest), (least, smallest) = counts[0], counts[-1]
    section.facts["classes"] = str(len(counts))
    section.facts["largest"] = f"{most}, {largest:,} images"
    section.facts["smallest"] = f"{least}, {smallest:,} images"
    if largest >= MANY_TIMES * smallest:
        section.warnings.append(f"{most} has {largest / smallest:.0f} times the images of {least}")
    few = [name for name, count in counts if count < FEW]
    if few:
        section.warnings.append(f"fewer than {FEW} images of {len(few)} classes: {some_of(few)}")
    return section


def _captions(found: ImageReport) -> Section:
    """What the captions say; an empty section where there are none."""
    section = Section("Captions")
    if not found.captions and not found.no_captions:
        return section
    said = {path: text for path, text in found.captions.items() if text}
    example, text = max(said.items(), key=lambda pair: len(pair[1]), default=(None, ""))
    section.facts["captions"] = f"{len(said):,} of {len(found.files):,} images"
    if example is not None:
        section.facts["longest"] = f"{len(text):,} letters, of {example.as_posix()}"
    bad = [path.as_posix() for path in found.no_captions]
    if bad:
        section.warnings.append(
            f"{len(bad):,} captions cannot be read, are not UTF-8 or are longer than "
            f"{MAX_BYTES:,} bytes: {some_of(bad)}"
        )
    silent = [
        file.path.as_posix()
        for file in found.files
        if file.path not in said and file.path not in found.no_captions
    ]
    if silent:
        section.warnings.append(f"{len(silent):,} without a caption: {some_of(silent)}")
    often = [(text, n) for text, n in Counter(said.values()).most_common(NAMED) if n > 1]
    if often:
        named = some_of(f"{text[:40]!r} ({n:,} times)" for text, n in often)
        section.warnings.append(f"the same caption for several images: {named}")
    return section


def _overlap(splits: dict[str, ImageReport]) -> Section:
    section = Section("Train and test")
    if len(splits) < 2:
        return section
    train, test = splits["train"], splits["test"]
    both = shared(test, train)
    section.facts["in both"] = f"{len(both):,} of {len(test.files):,} test images"
    if both:
        named = (f"{one.path.as_posix()} = {two.path.as_posix()}" for one, two in both)
        section.warnings.append(f"test images that are training images, too: {some_of(named)}")
    return section


def _unusable(splits: dict[str, ImageReport]) -> str:
    for split, found in splits.items():
        bad, total = len(found.unreadable), len(found.files) + len(found.unreadable)
        if too_many_unreadable(bad, total):
            return f"{bad} of {total} images of {split} cannot be read"
    return ""


def _save_preview(source: str, rows: Sequence[int], path: Path) -> None:
    """Write some of the images at ``rows``, which can be read, as one sheet."""
    stream = open_stream(source, PREVIEW)
    chosen = [rows[place] for place in evenly_spaced(len(rows), PREVIEW)]
    images = [thumbnail(image) for image in stream.pick(chosen)]
    save_png(path, grid(np.stack(images)))


def _where(found: ImageReport, attribute: str, value: str) -> list[FileFacts]:
    return [file for file in found.files if getattr(file, attribute) == value]


def _counted(values: Iterable[str]) -> str:
    return ", ".join(f"{count:,} {value}" for value, count in Counter(values).most_common())


def _round(side: int) -> int:
    """The largest common size that is at most ``side``."""
    return max((size for size in (32, 64, 128, 256) if size <= side), default=max(16, side))
