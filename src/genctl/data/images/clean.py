"""Cleaning: a copy of a set of images without files that would harm training."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from PIL import Image

from genctl.data.findings import Cleaned, left_out
from genctl.data.images import decode
from genctl.data.images.drawing import to_pil
from genctl.data.images.open_source import is_files, place_of
from genctl.data.images.report import ImageReport, survey
from genctl.data.images.sources.captions import SUFFIX
from genctl.data.images.sources.label_file import LABELS, to_csv
from genctl.data.images.sources.listing import REPORT, Listing
from genctl.data.images.sources.splits import list_splits, listing_of
from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.files import write_json
from genctl.staging import is_free, staged


def clean_data(
    source: str,
    out: str | Path,
    *,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    near: bool = False,
) -> Cleaned:
    """Write the images of a folder or ZIP as PNGs in the same sub-folders; the source stays.

    Labels from a file are copied to ``labels.csv``, captions to ``.txt`` files beside the images.

    Skipped are files that cannot be read, and copies of earlier images. In the test split, copies
    of training images are skipped, too.

    Args:
        source: a folder or ``.zip``.
        out: the new folder, written as a whole or not at all; ``cleaned.json`` lists the changes.
        size: (height, width): centre-crop to the aspect ratio and resize.
        channels: 1, 3 or 4: convert to this number.
        near: also skip images that look nearly the same.

    Raises:
        GenctlError: (USAGE) no image files, or the place is taken; (DATA) no image is left.
    """
    place = Path(out)
    if not is_files(source):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{source} is not a folder or ZIP of images",
            hint="name one",
            option="source",
        )
    if not is_free(place):
        other = place.with_name(f"{place.name}-2")
        what = "is not empty" if place.is_dir() else "is a file"
        raise GenctlError(ExitStatus.USAGE, f"{place} {what}", option="out", suggest=str(other))
    listings = list_splits(place_of(source))
    dropped: dict[str, str] = {}
    changed: dict[str, str] = {}
    kept, known = 0, dict[bytes, str]()
    with staged(place) as stage:
        for split, listing in listings.items():
            listing_of(listings, split, place_of(source))
            prefix = f"{split}/" if len(listings) > 1 else ""
            found = survey(listing, {})
            skipped = _skipped(found, known, prefix, near)
            dropped |= {prefix + path.as_posix(): why for path, why in skipped.items()}
            wanted = [file.path for file in found.files if file.path not in skipped]
            targets = _targets(wanted)
            done: dict[PurePath, list[str]] = {}
            for path, target in targets.items():
                done[path] = _write(listing, path, stage / prefix / target, size, channels)
            if listing.given and targets:
                _write_labels(stage / prefix, targets, listing.given)
            for path in _write_captions(stage / prefix, targets, listing):
                done[path].append("without its caption, which cannot be read")
            changed |= {
                prefix + path.as_posix(): ", ".join(what) for path, what in done.items() if what
            }
            kept += len(wanted)
        if not kept:
            raise GenctlError(
                ExitStatus.DATA,
                f"no image of {source} is left after cleaning",
                suggest=Suggestion("data check", args=(source,)),
            )
        document = {"source": source, "kept": kept, "dropped": dropped, "changed": changed}
        write_json(stage / REPORT, document)
    notes = [note for listing in listings.values() for note in _notes(listing)]
    return Cleaned(place, kept, dropped, changed, notes)


def _notes(listing: Listing) -> list[str]:
    gone = left_out(listing.left_out, (), len(listing.images))
    return [*([gone] if gone else []), *listing.notes]


def _write_labels(
    folder: Path, targets: Mapping[PurePath, PurePath], labels: Mapping[PurePath, str]
) -> None:
    named = {target: labels[path] for path, target in targets.items()}
    (folder / LABELS).write_text(to_csv(named), "utf-8")


def _write_captions(
    folder: Path, targets: Mapping[PurePath, PurePath], listing: Listing
) -> list[PurePath]:
    """Copy the captions of the kept images, byte by byte; returns images without theirs."""
    captions = listing.captions() if listing.captions else {}
    failed = []
    for path in [path for path in targets if path in captions]:
        try:
            with captions[path].open("rb") as file:
                content = file.read()
        except OSError:
            failed.append(path)
        else:
            (folder / targets[path].with_suffix(SUFFIX)).write_bytes(content)
    return failed


def _skipped(
    found: ImageReport, known: dict[bytes, str], prefix: str, near: bool
) -> dict[PurePath, str]:
    """Files to skip, and why; ``known`` collects the pixels of the others."""
    skipped = dict(found.unreadable)
    for file in found.files:
        if file.digest in known:
            skipped[file.path] = f"a copy of {known[file.digest]}"
        else:
            known[file.digest] = prefix + file.path.as_posix()
    for one, two in found.near_copies() if near else ():
        if one.path not in skipped:
            skipped.setdefault(two.path, f"nearly the same as {prefix}{one.path.as_posix()}")
    return skipped


def _targets(paths: Sequence[PurePath]) -> dict[PurePath, PurePath]:
    """The new path of each image, as PNG; ``a.jpg`` beside ``a.png`` becomes ``a-jpg.png``.

    Names that differ only in case count as the same, as they do on macOS and Windows.
    """
    targets: dict[PurePath, PurePath] = {}
    taken: set[str] = set()
    for path in paths:
        target = next(t for t in _possible_targets(path) if _folded(t) not in taken)
        taken.add(_folded(target))
        targets[path] = target
    return targets


def _possible_targets(path: PurePath) -> Iterator[PurePath]:
    yield path.with_suffix(".png")
    stem = f"{path.stem}-{path.suffix[1:].lower()}"
    yield path.with_name(f"{stem}.png")
    for number in itertools.count(2):
        yield path.with_name(f"{stem}-{number}.png")


def _folded(path: PurePath) -> str:
    return unicodedata.normalize("NFC", path.as_posix()).casefold()


def _write(
    listing: Listing,
    path: PurePath,
    target: Path,
    size: tuple[int, int] | None,
    channels: int | None,
) -> list[str]:
    """Write one image as PNG; returns what was changed."""
    with decode.strict_decoding(), decode.open_image(listing.file(path)) as image:
        done = list(_changes(image, size, channels))
        depth = channels or decode.channels_of(image)
        pixels = decode.to_array(image, size=size, channels=depth)
    target.parent.mkdir(parents=True, exist_ok=True)
    to_pil(pixels).save(target)
    return done


def _changes(
    image: Image.Image, size: tuple[int, int] | None, channels: int | None
) -> Iterable[str]:
    if image.mode.startswith("I;16"):
        yield "16 bits to 8"
    if image.mode == "CMYK":
        yield "CMYK to RGB"
    if getattr(image, "n_frames", 1) > 1:
        yield "its first frame"
    if decode.upright_size(image) != (image.height, image.width):
        yield "turned upright"
    if size is not None and decode.upright_size(image) != size:
        yield f"{image.height}x{image.width} to {size[0]}x{size[1]}"
    if channels is not None and decode.channels_of(image) != channels:
        yield f"{decode.channels_of(image)} channels to {channels}"
