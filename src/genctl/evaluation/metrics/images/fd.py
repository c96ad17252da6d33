"""``fd``: the Fréchet distance in the features of an extractor that its parameter names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.eval_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="fd",
    of=frozenset({"images"}),
    needs=frozenset({"features", "reference"}),
    parts={"fd": False},
    target=f"{__name__}:measure",
    summary="Fréchet distance in the features of the extractor that is named; never called FID",
    parameter="extractor",
    explain={"fd": "Fréchet distance between the two sets, not an FID"},
)


def measure(inputs: EvalInputs, extractor: str) -> list[Score]:
    """As ``fid``, and named after the extractor whatever its weights are.

    Args:
        extractor: whose features ``inputs`` hold.
    """
    from genctl.evaluation.metrics.images.fid import frechet

    return [frechet(inputs, "fd")]
