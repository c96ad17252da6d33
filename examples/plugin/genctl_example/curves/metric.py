"""``spectrum``: how far the mean power spectrum of curves is from that of real ones."""

from __future__ import annotations

from genctl.registry import MetricSpec

SPEC = MetricSpec(
    api=2,
    name="spectrum",
    of=frozenset({"curves"}),
    needs=frozenset({"samples", "model", "held_out"}),
    parts={"spectrum": False},
    target="genctl_example.curves.metric:measure",
    summary="distance of the mean power spectra, in decibels",
    explain={
        "spectrum": "how much louder or softer a frequency is than in real curves, on average"
    },
)
RESAMPLES = 100


def measure(inputs):
    """The distance to the curves that were held out, and its error by the bootstrap."""
    import numpy as np

    from genctl.evaluation.score import Score, plain_signature

    data, found = inputs.reference, inputs.samples.array
    images = [batch["image"] for batch in inputs.held_out]
    real = np.concatenate(images)[:, 0, 0] * data.spec.statistics["scale"]
    rows = np.random.default_rng(0).integers(len(found), size=(RESAMPLES, len(found)))
    return [
        Score(
            name="spectrum",
            value=distance(found, real),
            error=float(np.std([distance(found[row], real) for row in rows], ddof=1)),
            error_kind=f"standard error over samples (bootstrap, {RESAMPLES} resamples)",
            n_generated=len(found),
            n_reference=len(real),
            signature=plain_signature(
                "spectrum", n=f"{len(found)}/{len(real)}", ref=data.spec.fingerprint[:8]
            ),
        )
    ]


def distance(curves, real):
    """The mean over frequencies of the difference of the mean powers, in decibels."""
    import numpy as np

    power = [np.square(np.abs(np.fft.rfft(x, axis=1))).mean(0) + 1e-12 for x in (curves, real)]
    return float(np.abs(10 * np.log10(power[0] / power[1])).mean())
