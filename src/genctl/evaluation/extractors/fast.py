"""Any extractor in bfloat16, checked against itself in float32 on the first images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from genctl.evaluation.extractors.base import Classifier, Extractor
from genctl.evaluation.measures.frechet import Gaussian, frechet_distance

AUDITED = 256


class FastExtractor:
    """``exact`` under autocast, with float32 results.

    Args:
        exact: the extractor, on a CPU or a GPU.
    """

    precision = "bf16"

    def __init__(self, exact: Extractor) -> None:
        self.name, self.sha256, self.origin = exact.name, exact.sha256, exact.origin
        self.dim, self.size, self.protocol = exact.dim, exact.size, exact.protocol
        self.batch_size = exact.batch_size
        self._exact = exact
        self._pairs: list[tuple[Tensor, Tensor]] = []
        self._audit: float | None = None

    def prepare(self, images: Tensor) -> Tensor:
        """The network inputs of the exact extractor, in its precision."""
        return self._exact.prepare(images)

    def features(self, inputs: Tensor) -> Tensor:
        """``(B, dim) float32``, computed in bfloat16."""
        with torch.autocast(inputs.device.type, torch.bfloat16):
            found = self._exact.features(inputs).float()
        if sum(len(fast) for fast, _ in self._pairs) < AUDITED:
            self._pairs.append((found.cpu(), self._exact.features(inputs).cpu()))
            self._audit = None
        return found

    @property
    def audit(self) -> float:
        """Fréchet distance between the features of the first images in the two precisions."""
        if self._audit is None:
            fast, exact = (torch.cat(parts) for parts in zip(*self._pairs, strict=True))
            self._audit = frechet_distance(Gaussian.fit(fast), Gaussian.fit(exact))
        return self._audit


class FastClassifier(FastExtractor):
    """A fast extractor that also classifies, in float32."""

    def __init__(self, exact: Classifier) -> None:
        super().__init__(exact)
        self._classify: Any = exact.logits

    def logits(self, features: Tensor) -> Tensor:
        """``(B, K) float32``."""
        found: Tensor = self._classify(features)
        return found


def in_half(exact: Extractor) -> FastExtractor:
    """``exact`` in bfloat16; a classifier if ``exact`` is one."""
    return FastClassifier(exact) if isinstance(exact, Classifier) else FastExtractor(exact)
