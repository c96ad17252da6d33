"""The features of both sides of an evaluation by one extractor, which all image metrics use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features
from genctl.evaluation.measures.neighbours import Nearest, nearest
from genctl.evaluation.reference import Reference
from genctl.evaluation.score import Score, metric_name, short_sha, signature
from genctl.evaluation.score_warnings import comparison_warnings
from genctl.evaluation.statistics_file import Summary


@dataclass(frozen=True)
class EvalInputs:
    """Features of generated images, and of real images to compare them with.

    Attributes:
        reference: the images that generated images should resemble.
        held_out: images like those of the reference that the model was not trained on.
    """

    extractor: Extractor
    generated: Features
    reference: Reference | Summary | None = None
    held_out: Features | None = None

    @property
    def real(self) -> Reference | Summary:
        """The real images.

        Raises:
            ValueError: there are none, or their features are those of another extractor.
        """
        if self.reference is None or self.reference.extractor is not self.extractor:
            raise ValueError("a comparison needs a reference made with the same extractor")
        return self.reference

    def compared(self, metric: str, value: float, error: float, **fields: object) -> Score:
        """A score of a comparison, without the time of its own computation.

        Args:
            metric: the name of a metric, or of a part of one, such as ``recall``.
            fields: the fields of the signature that say how it was computed.
        """
        real, count = self.real, self.generated.count
        return Score(
            name=metric_name(metric, self.extractor),
            value=value,
            error=error,
            error_kind="standard error over generated samples",
            n_generated=count,
            n_reference=real.count,
            signature=signature(
                metric,
                self.extractor,
                n=f"{count}/{'unknown' if real.count is None else real.count}",
                ref=f"{real.name}@{short_sha(real.sha256)}",
                **fields,
            ),
            warnings=comparison_warnings(self.extractor, self.generated, real),
            seconds={**self.stages, "reference": real.seconds},
        )

    @cached_property
    def nearest_real(self) -> Nearest:
        """The nearest real image to each generated one."""
        return nearest(self.generated.values, self.real.features.values)

    @cached_property
    def nearest_of_held_out(self) -> Nearest:
        """The nearest real image to each held-out one.

        Raises:
            ValueError: there are no held-out images.
        """
        if self.held_out is None:
            raise ValueError("there are no held-out images")
        return nearest(self.held_out.values, self.real.features.values)

    @property
    def stages(self) -> dict[str, float]:
        """Seconds spent before any metric."""
        return {
            "images": self.generated.waiting_seconds,
            "features": self.generated.extracting_seconds,
        }
