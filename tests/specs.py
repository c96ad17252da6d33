"""Data specs of images and of tokens, for tests that need no data."""

from __future__ import annotations

from collections.abc import Mapping

from genctl.contracts import TOKENIZER, DataSpec, Feature
from genctl.data.images.prepare import image_features


def image_spec(
    name: str,
    shape: tuple[int, ...],
    examples: int = 100,
    classes: tuple[str, ...] = (),
    statistics: Mapping[str, float] | None = None,
) -> DataSpec:
    """Images (C, H, W) called ``name``."""
    return DataSpec(
        name,
        name,
        "img",
        examples,
        "0" * 64,
        image_features(shape, classes),
        kind="images",
        statistics=statistics or {},
    )


def token_spec(
    source: str,
    name: str,
    context: int,
    examples: int = 10,
    vocab_size: int = 0,
    end: int | None = None,
    assets: Mapping[str, str] | None = None,
    fingerprint: str = "0" * 64,
) -> DataSpec:
    """Windows of ``context`` tokens."""
    tokens = Feature("tokens", (context,), size=vocab_size, asset=TOKENIZER, end=end)
    return DataSpec(
        source,
        name,
        "tok",
        examples,
        fingerprint,
        {"tokens": tokens},
        kind="text",
        units_per_example=context,
        assets=assets or {},
    )
