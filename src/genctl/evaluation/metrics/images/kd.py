"""``kd``: the kernel distance in the features of the extractor in its parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.image_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="kd",
    of=frozenset({"images"}),
    needs=frozenset({"features", "images"}),
    parts={"kd": False},
    target=f"{__name__}:measure",
    summary="kernel distance in the features of the named extractor; never called KID",
    parameter="extractor",
    explain={"kd": "unbiased kernel distance, 0 if the sets agree, not a KID"},
)


def measure(inputs: EvalInputs, extractor: str) -> list[Score]:
    """The same as ``kid``, but always named after the extractor.

    Args:
        extractor: the extractor of the features in ``inputs``.
    """
    from genctl.evaluation.metrics.images.kid import kernel

    return [kernel(inputs, "kd")]
