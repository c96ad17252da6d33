"""``gc``: the share of G and C among the bases of sequences."""

from __future__ import annotations

import statistics

from genctl.errors import ExitStatus, GenctlError
from genctl.registry import MetricSpec

SPEC = MetricSpec(
    api=2,
    name="gc",
    of=frozenset({"sequences"}),
    needs=frozenset({"samples"}),
    parts={"gc": None},
    target="genctl_example.sequences.metric:measure",
    summary="share of G and C among the bases",
    explain={"gc": "share of G and C; good where it equals that of the data"},
)


def measure(inputs):
    """The mean over samples, and its standard error."""
    from genctl.evaluation.score import Score, plain_signature

    shares = [gc(bases) for bases in inputs.samples.bases]
    if len(shares) < 2:
        raise GenctlError(ExitStatus.DATA, "gc needs at least two sequences for its error")
    return [
        Score(
            name="gc",
            value=statistics.fmean(shares),
            error=statistics.stdev(shares) / len(shares) ** 0.5,
            error_kind="standard error over samples",
            n_generated=len(shares),
            n_reference=None,
            signature=plain_signature("gc", n=len(shares)),
        )
    ]


def gc(bases):
    """The share of G and C; 0 where there is no base."""
    return sum(map(bases.count, "GC")) / max(1, len(bases))
