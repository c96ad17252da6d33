"""A kind of output and its metrics, as a plug-in would bring them."""

from __future__ import annotations

from typing import Any

from genctl.evaluation.inputs import SampleInputs
from genctl.evaluation.score import Score, plain_signature
from genctl.registry import SPEC_API, MetricSpec, OutputKind

KIND = OutputKind(
    api=SPEC_API,
    name="toys",
    summary="numbers",
    words=("toy", "toys"),
    targets={
        "generate": "genctl.outputs.base:sample_array",
        "read": f"{__name__}:read",
    },
    suffixes=(".toy",),
)
BRIGHTNESS = MetricSpec(
    api=SPEC_API,
    name="brightness",
    of=frozenset({"toys"}),
    needs=frozenset({"samples"}),
    parts={"brightness": True},
    target=f"{__name__}:brightness",
    summary="mean of all numbers",
)
PREDICTED = MetricSpec(
    api=SPEC_API,
    name="predicted",
    of=frozenset({"toys", "text"}),
    needs=frozenset({"held_out"}),
    parts={"predicted": None},
    target=f"{__name__}:predicted",
    summary="how many examples are held out",
)
HALF = MetricSpec(
    api=SPEC_API,
    name="half",
    of=frozenset({"images"}),
    needs=frozenset({"features", "reference", "images"}),
    parts={"half": None},
    target=f"{__name__}:brightness",
    summary="a distance that also looks at single images",
)


class Numbers(list[float]):
    """Samples of the kind."""

    def to_json(self) -> dict[str, Any]:
        return {"numbers": list(self)}


def read(path: Any) -> Numbers:
    return Numbers(map(float, path.read_text().split()))


def brightness(inputs: SampleInputs) -> list[Score]:
    samples = inputs.samples
    values = samples.array.ravel().tolist() if hasattr(samples, "array") else list(samples)
    return [_score("brightness", sum(values) / len(values), len(samples))]


def predicted(inputs: SampleInputs) -> list[Score]:
    count = sum(len(batch.positions) for batch in inputs.held_out)
    return [_score("predicted", count, count)]


def _score(name: str, value: float, n: int) -> Score:
    return Score(name, value, 0.0, "none", n, None, plain_signature(name, n=n))
