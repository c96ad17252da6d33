"""``per-class``: Fréchet distance and recall of each class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.image_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="per-class",
    of=frozenset({"images"}),
    needs=frozenset({"features", "images", "classes"}),
    parts={"fid-per-class": False, "recall-per-class": True},
    target=f"{__name__}:measure",
    summary="Fréchet distance and recall of each class",
    explain={
        "fid-per-class": "mean of the classes' own distances",
        "recall-per-class": "mean of the classes' own recall",
    },
    unverified={"fid-per-class": "fd-per-class"},
    least={"classes": 2, "class": 7},
    chart=f"{__name__}:chart",
)


def measure(inputs: EvalInputs) -> list[Score]:
    """The means over classes; ``details`` contain each class.

    Raises:
        GenctlError: (DATA) no class has enough images.
    """
    from genctl.errors import ExitStatus, GenctlError, opt
    from genctl.evaluation.measures.intervals import WILSON
    from genctl.evaluation.measures.neighbours import PRECISION_K
    from genctl.evaluation.measures.per_class import mean_of, per_class

    real = inputs.real.features
    found = per_class(inputs.generated, real)
    if not found:
        raise GenctlError(
            ExitStatus.DATA,
            f"no class has more than {PRECISION_K} generated and {PRECISION_K} real images",
            hint=f"a larger {opt('n')}, or leave per-class out",
            option="n",
        )
    missing = [name for name in real.class_names if name not in {score.name for score in found}]
    left_out = (f"too few images of the classes {', '.join(missing[:10])}: left out",)
    count = len(found)
    distance = mean_of([score.distance for score in found])
    recall = mean_of([score.recall for score in found])
    distances = {score.name: score.distance.value for score in found}
    recalls = {score.name: score.recall.value for score in found}
    reached = inputs.compared(
        "recall-per-class", *recall, classes=count, k=PRECISION_K, ties="<=", **WILSON
    )
    over = "standard error over reference images (Wilson), neighbourhoods held fixed"
    scores = (
        (inputs.compared("fid-per-class", *distance, classes=count, sqrt="svd"), distances),
        (replace(reached, error_kind=over), recalls),
    )
    return [
        replace(score, warnings=score.warnings + (left_out if missing else ()), details=each)
        for score, each in scores
    ]


def chart(score: Score, baseline: Score | None, inputs: EvalInputs) -> tuple[str, str]:
    """The chart with a bar for each class."""
    from genctl.plots.charts import bars

    drawn = bars(score.details, baseline.details if baseline else {}, "real images")
    return "each class", drawn
