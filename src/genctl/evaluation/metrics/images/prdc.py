"""``prdc``: precision, recall, density and coverage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.image_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="prdc",
    of=frozenset({"images"}),
    needs=frozenset({"features", "images"}),
    parts={"precision": True, "recall": True, "density": True, "coverage": True},
    target=f"{__name__}:measure",
    summary="precision, recall, density and coverage",
    explain={
        "precision": "share of generated images that lie among real ones",
        "recall": "share of real images that lie among generated ones",
        "density": "how densely generated images lie among real ones; 1 as for real images",
        "coverage": "share of real images with a generated one nearby",
    },
    least={"samples": 6, "images": 6},
)


def measure(inputs: EvalInputs) -> list[Score]:
    """The four numbers."""
    from genctl.evaluation.measures.intervals import WILSON
    from genctl.evaluation.measures.neighbours import (
        DENSITY_K,
        PRECISION_K,
        density_coverage,
        precision_recall,
    )

    generated, real = inputs.generated.values, inputs.real.features.values
    close = precision_recall(generated, real)
    crowd = density_coverage(generated, real)
    parts = [
        ("precision", close.precision, PRECISION_K, "<=", "generated", WILSON),
        ("recall", close.recall, PRECISION_K, "<=", "reference", WILSON),
        ("density", crowd.density, DENSITY_K, "<", "generated", {}),
        ("coverage", crowd.coverage, DENSITY_K, "<", "reference", WILSON),
    ]
    return [
        replace(
            inputs.compared(name, *found, k=k, ties=ties, **interval),
            error_kind=f"standard error over {over} images{' (Wilson)' if interval else ''}, "
            "neighbourhoods held fixed",
        )
        for name, found, k, ties, over, interval in parts
    ]
