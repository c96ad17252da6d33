"""What every feature extractor is: a fixed function of 8-bit images, named by its weights."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias, runtime_checkable

from torch import Tensor

Origin: TypeAlias = Literal["canonical", "bundled", "custom"]


class Extractor(Protocol):
    """A frozen network from pixels to features.

    Attributes:
        name: how metrics are called with it, as in ``fd[digits]``.
        sha256: hex digest of the weights.
        origin: ``canonical`` are the verified weights that FID and the Inception Score are
            defined by, ``bundled`` ones come with genctl, ``custom`` ones are the user's own.
        dim: the number of features.
        batch_size: images in one call of `features`; always this many, so that the arithmetic,
            and with it the last bits of the features, never depends on the caller's batches.
        size: height and width at which the network sees images; 0 for their own.
        precision: of its computations: ``fp32``, or ``bf16`` where speed was asked for.
        protocol: the name of how `prepare` treats pixels; a different treatment of the same
            pixels has a different name.
    """

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def origin(self) -> Origin: ...
    @property
    def dim(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def precision(self) -> str: ...
    @property
    def protocol(self) -> str: ...

    def prepare(self, images: Tensor) -> Tensor:
        """Network inputs for ``images: (B, C, H, W) uint8`` with 1, 3 or 4 channels, any size."""

    def features(self, inputs: Tensor) -> Tensor:
        """``(B, dim) float32`` features of what `prepare` made."""


@runtime_checkable
class Classifier(Extractor, Protocol):
    """An extractor that also names classes, which the Inception Score needs."""

    def logits(self, features: Tensor) -> Tensor:
        """``(B, K) float32`` unnormalised class log-probabilities of ``(B, dim)`` features."""
