"""The named sets of images."""

from __future__ import annotations

from genctl.data.images.open_source import BUILT_IN, EMOJI
from genctl.data.images.sets.known_sets import KNOWN_SETS
from genctl.data.images.sources.celeba import NAME as CELEBA


def named_sets() -> dict[str, str]:
    """Name -> one line."""
    return {
        BUILT_IN: "10,000 handwritten digits, 28x28, grey: in the package",
        EMOJI: "1,386 colour images, 64x64, from the font Noto Color Emoji",
        CELEBA: "182,732 faces, 178x218, colour, without classes: data.size=64",
        **{name: known.summary for name, known in KNOWN_SETS.items()},
    }
