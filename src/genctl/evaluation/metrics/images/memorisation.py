"""``memorisation``: distances of samples to training images, relative to held-out images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.image_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="memorisation",
    of=frozenset({"images"}),
    needs=frozenset({"features", "images", "held_out"}),
    parts={"memorisation": None},
    target=f"{__name__}:measure",
    summary="distance to the nearest training image, relative to that of held-out images",
    explain={
        "memorisation": "distance to the nearest training image relative to that of unseen images; "
        "1 is best, 0 a copy"
    },
    chart=f"{__name__}:chart",
)


def measure(inputs: EvalInputs) -> list[Score]:
    """The ratio of median distances; ``details`` count copies."""
    import numpy as np

    from genctl.evaluation.measures.intervals import RESAMPLES
    from genctl.evaluation.measures.memorisation import memorisation

    usual = inputs.nearest_of_held_out.distances
    found = memorisation(inputs.nearest_real.distances, usual)
    same = np.isin(inputs.generated.digests.numpy(), inputs.real.features.digests.numpy())
    return [
        replace(
            inputs.compared(
                "memorisation", found.ratio, found.error, held=len(usual), boot=RESAMPLES
            ),
            error_kind=f"standard error over generated samples (bootstrap, {RESAMPLES} resamples)",
            details={
                "copies": found.copies,
                "copies_low": found.copies_interval.low,
                "copies_high": found.copies_interval.high,
                "pixel_copies": int(same.sum()),
                "close": found.close,
                "close_low": found.close_interval.low,
                "close_high": found.close_interval.high,
            },
        )
    ]


def chart(score: Score, baseline: Score | None, inputs: EvalInputs) -> tuple[str, str]:
    """The chart of the distances of generated and held-out images."""
    from genctl.plots.charts import histograms

    drawn = histograms(
        {
            "generated": inputs.nearest_real.distances.numpy(),
            "held-out": inputs.nearest_of_held_out.distances.numpy(),
        },
        "distance between features",
    )
    return "distance to the nearest training image", drawn
