"""``fd``: the Fréchet distance in the features of the extractor in its parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.image_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="fd",
    of=frozenset({"images"}),
    needs=frozenset({"features", "reference"}),
    parts={"fd": False},
    target=f"{__name__}:measure",
    summary="Fréchet distance in the features of the named extractor; never called FID",
    parameter="extractor",
    explain={"fd": "Fréchet distance between the two sets, not an FID"},
)


def measure(inputs: EvalInputs, extractor: str) -> list[Score]:
    """The same as ``fid``, but always named after the extractor.

    Args:
        extractor: the extractor of the features in ``inputs``.
    """
    from genctl.evaluation.metrics.images.fid import frechet

    return [frechet(inputs, "fd")]
