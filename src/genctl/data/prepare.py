"""From a data configuration to a data set."""

from __future__ import annotations

import re
from dataclasses import dataclass

from genctl.config import DataConfig, ImageData, TextData
from genctl.contracts import DataSpec
from genctl.data.images.dataset import ImageDataset, statistics
from genctl.data.images.open_source import open_source
from genctl.data.text.dataset import TokenDataset
from genctl.data.text.prepare import prepare_text
from genctl.errors import ExitStatus, GenctlError, opt

PreparedDataset = ImageDataset | TokenDataset


@dataclass(frozen=True)
class Prepared:
    """A data set ready to train on.

    Attributes:
        skipped: images that cannot be read, as ``path: reason``.
        ignored: how many files of other kinds lay among them.
    """

    dataset: PreparedDataset
    skipped: tuple[str, ...] = ()
    ignored: int = 0


def prepare(config: DataConfig) -> Prepared:
    """Read and measure what ``config.source`` names.

    Raises:
        GenctlError: nothing there, nothing readable, images of several sizes, or too little text.
    """
    if isinstance(config, TextData):
        dataset = prepare_text(config)
        return Prepared(dataset, ignored=dataset.ignored)
    return _prepare_images(config)


def _prepare_images(config: ImageData) -> Prepared:
    source = open_source(config.source, size=parse_size(config.size))
    count, height, width, channels = source.images.shape
    spec = DataSpec(
        source=config.source,
        name=source.name,
        unit="img",
        shape=(channels, height, width),
        examples=count,
        fingerprint=source.fingerprint,
        class_names=source.class_names,
        statistics=statistics(source.images),
        extractor=source.extractor,
    )
    dataset = ImageDataset(source, spec, flip=config.flip)
    return Prepared(dataset, source.skipped, source.ignored)


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
