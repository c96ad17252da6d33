"""``fid``: the Fréchet distance to real images; named FID only for the published weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.image_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="fid",
    of=frozenset({"images"}),
    needs=frozenset({"features", "reference"}),
    parts={"fid": False},
    target=f"{__name__}:measure",
    summary="Fréchet distance to real images",
    explain={"fid": "distance between the two sets"},
    unverified={"fid": "fd"},
)


def measure(inputs: EvalInputs) -> list[Score]:
    """The squared Fréchet distance between generated and real images."""
    return [frechet(inputs, "fid")]


def frechet(inputs: EvalInputs, part: str) -> Score:
    """The distance as a score of ``part``, which decides its name."""
    from genctl.evaluation.measures.frechet import frechet_of
    from genctl.evaluation.score_warnings import frechet_warnings

    found = frechet_of(inputs.generated.values, inputs.real.gaussian)
    score = inputs.compared(part, found.distance, found.error, sqrt="svd")
    return replace(
        score,
        error_kind="standard error over generated samples (infinitesimal jackknife)",
        warnings=frechet_warnings(
            inputs.extractor,
            inputs.generated,
            inputs.real,
            baseline=inputs.held_out is not None,
        ),
        details={"mean_term": found.mean_term, "covariance_term": found.covariance_term},
    )
