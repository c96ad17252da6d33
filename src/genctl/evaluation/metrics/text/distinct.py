"""``distinct-n``: how varied texts are, as the share of distinct n-grams.

The value falls with the number and the length of the samples, so both are in the signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.evaluation.inputs import SampleInputs
    from genctl.evaluation.score import Score

_ORDERS = ("1", "2", "3")

SPEC = MetricSpec(
    api=SPEC_API,
    name="distinct",
    of=frozenset({"text"}),
    needs=frozenset({"samples"}),
    parts={f"distinct-{n}": True for n in _ORDERS},
    target=f"{__name__}:measure",
    summary="distinct n-grams divided by all n-grams",
    parameter="n",
    choices=_ORDERS,
    explain={
        "distinct-1": "share of different words (characters of Chinese, Japanese, Thai) among all",
        "distinct-2": "share of different pairs of words among all",
        "distinct-3": "share of different triples of words among all",
    },
    least={"samples": 2},
)


def measure(inputs: SampleInputs, n: str) -> list[Score]:
    """The share of different n-grams.

    Raises:
        GenctlError: (DATA) fewer than two samples, or none of n tokens.
    """
    from genctl.evaluation.measures.distinct import TOKENS, distinct
    from genctl.evaluation.measures.intervals import RESAMPLES
    from genctl.evaluation.score import Score, plain_signature

    texts = [sample.text for sample in inputs.samples.samples]
    found = distinct(texts, int(n))
    low, high = found.interval
    longest = getattr(inputs.model.config.sample, "max_new_tokens", None) if inputs.model else None
    return [
        Score(
            name=f"distinct-{n}",
            value=found.value,
            error=found.error,
            error_kind=f"standard error over samples (bootstrap, {RESAMPLES} resamples)",
            n_generated=len(texts),
            n_reference=None,
            signature=plain_signature(
                f"distinct-{n}",
                tok=TOKENS,
                n=len(texts),
                len=longest or "unknown",
                boot=RESAMPLES,
            ),
            details={
                "low": low,
                "high": high,
                "different": found.different,
                "total": found.total,
            },
        )
    ]
