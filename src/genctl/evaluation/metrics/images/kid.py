"""``kid``: the kernel distance to real images; named KID only for the published weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.image_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="kid",
    of=frozenset({"images"}),
    needs=frozenset({"features", "images"}),
    parts={"kid": False},
    target=f"{__name__}:measure",
    summary="unbiased kernel distance to real images",
    explain={"kid": "unbiased kernel distance, 0 if the sets agree"},
    unverified={"kid": "kd"},
)


def measure(inputs: EvalInputs) -> list[Score]:
    """The squared kernel distance between generated and real images."""
    return [kernel(inputs, "kid")]


def kernel(inputs: EvalInputs, part: str) -> Score:
    """The distance as a score of ``part``, which decides its name."""
    from genctl.evaluation.measures.kernel_distance import (
        SUBSET_SIZE,
        kernel_distance,
        subset_distance,
    )

    generated, real = inputs.generated.values, inputs.real.features.values
    found = kernel_distance(generated, real)
    score = inputs.compared(part, found.value, found.error, k="(x.y/d+1)^3", est="u")
    if min(len(generated), len(real)) < SUBSET_SIZE:
        return score
    usual = subset_distance(generated, real)
    details = {"subset_mean": usual.mean, "subset_deviation": usual.deviation}
    return replace(score, details=details)
