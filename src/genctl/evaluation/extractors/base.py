"""The interface of feature extractors: fixed functions of 8-bit images, named by their weights."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias, runtime_checkable

from torch import Tensor

Origin: TypeAlias = Literal["canonical", "bundled", "custom"]


class Extractor(Protocol):
    """A frozen network from pixels to features.

    Attributes:
        name: its name in the names of metrics, as in ``fd[digits]``.
        sha256: hex digest of the weights.
        origin: ``canonical`` for the verified weights that FID and the Inception Score are defined
            by, ``bundled`` for weights that come with genctl, ``custom`` for the user's own.
        dim: the number of features.
        batch_size: images in one call of `features`. It is always this number, so that the
            arithmetic, and the last bits of the features, never depend on the caller's batches.
        size: height and width of the images that the network takes; 0 for their own size.
        precision: the precision of its computations: ``fp32``, or ``bf16`` for speed.
        protocol: the name of the preprocessing that `prepare` does; each preprocessing has a
            different name.
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
        """``(B, dim) float32`` features of the output of `prepare`."""


@runtime_checkable
class Classifier(Extractor, Protocol):
    """An extractor that also classifies, which the Inception Score needs."""

    def logits(self, features: Tensor) -> Tensor:
        """``(B, K) float32`` unnormalised class log-probabilities of ``(B, dim)`` features."""
