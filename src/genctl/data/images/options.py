"""The options of images as data."""

from __future__ import annotations

from dataclasses import dataclass

from genctl.config import option


@dataclass(frozen=True)
class ImageData:
    """Where images come from and how they are read."""

    source: str = option("digits", "built-in name, folder, or file")
    size: str = option("", "resize to 64 or HEIGHTxWIDTH; empty keeps the native size")
    flip: bool = option(False, "mirror half of the images left to right")
