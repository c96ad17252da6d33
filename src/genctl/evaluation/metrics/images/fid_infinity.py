"""``fid-infinity``: the Fréchet distance that infinitely many samples would have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.image_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="fid-infinity",
    of=frozenset({"images"}),
    needs=frozenset({"features", "reference"}),
    parts={"fid-infinity": False},
    target=f"{__name__}:measure",
    summary="Fréchet distance of infinitely many samples",
    explain={"fid-infinity": "the distance that infinitely many samples would have"},
    unverified={"fid-infinity": "fd-infinity"},
    least={"samples": 30},
    chart=f"{__name__}:chart",
)


def measure(inputs: EvalInputs) -> list[Score]:
    """The limit of a line through distances at several numbers of samples."""
    from genctl.evaluation.measures.infinity import POINTS, extrapolate

    found = extrapolate(inputs.generated.values, inputs.real.gaussian)
    score = inputs.compared("fid-infinity", found.limit, found.error, points=POINTS, sqrt="svd")
    at = {f"at_{n}": value for n, value in zip(found.counts, found.distances, strict=True)}
    return [
        replace(
            score,
            error_kind="standard error over generated samples (jackknife, and the line's own)",
            details={"slope": found.slope, **at},
        )
    ]


def chart(score: Score, baseline: Score | None, inputs: EvalInputs) -> tuple[str, str]:
    """The distances and the line."""
    from genctl.plots.charts import line_over_inverse

    at = {
        int(key.removeprefix("at_")): value
        for key, value in score.details.items()
        if key.startswith("at_")
    }
    drawn = line_over_inverse(list(at), list(at.values()), score.value)
    return "the distance at several numbers of images", drawn
