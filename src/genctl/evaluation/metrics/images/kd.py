"""``kd``: the kernel distance in the features of an extractor that its parameter names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.eval_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="kd",
    of=frozenset({"images"}),
    needs=frozenset({"features", "images"}),
    parts={"kd": False},
    target=f"{__name__}:measure",
    summary="kernel distance in the features of the extractor that is named; never called KID",
    parameter="extractor",
    explain={"kd": "kernel distance, without bias, 0 where the sets agree, not a KID"},
)


def measure(inputs: EvalInputs, extractor: str) -> list[Score]:
    """As ``kid``, and named after the extractor whatever its weights are.

    Args:
        extractor: whose features ``inputs`` hold.
    """
    from genctl.evaluation.metrics.images.kid import kernel

    return [kernel(inputs, "kd")]
