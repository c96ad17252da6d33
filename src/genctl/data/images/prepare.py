"""From the options of image data to a data set."""

from __future__ import annotations

import re

from genctl.contracts import DataSpec, Feature
from genctl.data.images.dataset import ImageDataset, statistics
from genctl.data.images.open_source import open_source
from genctl.data.images.options import ImageData
from genctl.data.prepare import Prepared
from genctl.errors import ExitStatus, GenctlError, opt

SMALL_SIDE = 32
"""The side up to which images suit presets for small images."""


def prepare_images(options: ImageData) -> Prepared:
    """Read and measure the images that ``options.source`` names.

    Raises:
        GenctlError: no such source, no readable image, or images of several sizes.
    """
    source = open_source(options.source, size=parse_size(options.size))
    count, height, width, channels = source.images.shape
    spec = DataSpec(
        source=options.source,
        name=source.name,
        unit="img",
        examples=count,
        fingerprint=source.fingerprint,
        features=image_features((channels, height, width), source.class_names, source.extractor),
        kind="images",
        statistics=statistics(source.images),
    )
    dataset = ImageDataset(source, spec, flip=options.flip)
    found = (source.splits,) if source.splits else ()
    return Prepared(dataset, source.skipped, source.left_out, found, source.notes)


def image_features(
    shape: tuple[int, ...], class_names: tuple[str, ...] = (), extractor: str = ""
) -> dict[str, Feature]:
    """The features of images (C, H, W), with a label where there are classes."""
    features = {"image": Feature("image", tuple(shape), extractor=extractor)}
    if class_names:
        features["label"] = Feature("label", size=len(class_names), names=class_names)
    return features


def parse_size(text: str) -> tuple[int, int] | None:
    """``64`` or ``48x64`` as (height, width); None when empty.

    Raises:
        GenctlError: anything else.
    """
    if not text:
        return None
    match = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", text)
    if match is None:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('data.size', text)} is neither SIDE nor HEIGHTxWIDTH",
            option="data.size",
            suggest=64,
        )
    height = int(match.group(1))
    return height, int(match.group(2) or height)


def is_large(data: DataSpec) -> bool:
    """Whether the images have colours or are too large for a preset for small grey images."""
    shape = data.shape
    return len(shape) == 3 and (shape[0] > 1 or min(shape[1:]) > SMALL_SIDE)
