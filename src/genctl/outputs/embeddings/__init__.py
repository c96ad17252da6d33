"""Embeddings as output: nothing to sample; training, metrics and exports as usual."""

from __future__ import annotations

from genctl.registry import SPEC_API, OutputKind

KIND = OutputKind(
    api=SPEC_API,
    name="embeddings",
    summary="vectors: nothing to sample",
    words=("embedding", "embeddings"),
    suffixes=(),
    targets={},
)
