"""``is``: the Inception Score, or the same score by another classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.image_inputs import EvalInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="is",
    of=frozenset({"images"}),
    needs=frozenset({"features", "classifier"}),
    parts={"is": True},
    target=f"{__name__}:measure",
    summary="Inception Score",
    explain={"is": "how confident a classifier is on each image, and how varied the classes are"},
    least={"samples": 10},
)


def measure(inputs: EvalInputs) -> list[Score]:
    """The score; its error is the deviation over splits.

    Raises:
        GenctlError: (USAGE) the extractor has no classifier, or fewer images than splits.
    """
    from genctl.evaluation.image_needs import classifier_of
    from genctl.evaluation.measures.inception_score import SPLITS, inception_score
    from genctl.evaluation.score import Score, metric_name, signature
    from genctl.evaluation.score_warnings import inception_warnings

    extractor, generated = classifier_of(inputs.extractor, SPEC.name), inputs.generated
    logits = extractor.logits(generated.values).cpu()
    found = inception_score(logits)
    return [
        Score(
            name=metric_name("is", extractor),
            value=found.mean,
            error=found.deviation,
            error_kind=f"standard deviation over {SPLITS} splits",
            n_generated=generated.count,
            n_reference=None,
            signature=signature("is", extractor, n=generated.count, splits=SPLITS),
            warnings=inception_warnings(extractor, generated, classes=logits.shape[1]),
            seconds=inputs.stages,
            groups=SPLITS,
            error_is_deviation=True,
            details={"highest_possible": float(logits.shape[1])},
        )
    ]
