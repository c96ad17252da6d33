"""``bpb``: the bits that a model needs for each byte of text that it was not trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from genctl.registry import SPEC_API, MetricSpec

if TYPE_CHECKING:
    from genctl.data.text.dataset import TokenDataset
    from genctl.evaluation.inputs import SampleInputs
    from genctl.evaluation.score import Score

SPEC = MetricSpec(
    api=SPEC_API,
    name="bpb",
    of=frozenset({"text"}),
    needs=frozenset({"model", "token_losses"}),
    parts={"bpb": False},
    target=f"{__name__}:measure",
    summary="bits for each byte of held-out text",
    explain={"bpb": "bits for each byte of the held-out text, or of its beginning"},
)


def measure(inputs: SampleInputs) -> list[Score]:
    """The nats of all predicted tokens, divided by ln 2 and by the bytes of these tokens."""
    from genctl.evaluation.measures.bits_per_byte import bits_per_byte

    found = inputs.token_losses
    dataset = cast("TokenDataset", inputs.reference)
    held_out = inputs.ref is None
    whole = dataset.valid_bytes if held_out else dataset.all_bytes
    tokens = dataset.predicted(held_out=held_out)
    assert inputs.model is not None
    score = bits_per_byte(
        found,
        inputs.model.data,
        # For a part of the text, the bytes are estimated from the average of the whole.
        predicted_bytes=round(whole * float(found.tokens.sum()) / tokens),
        context=inputs.window or 0,
        text=inputs.data_name,
        sha256=dataset.spec.fingerprint,
    )
    details = score.details
    per_token = (
        f"{details['nats_per_token']:.4f} ± {details['nats_per_token_error']:.4f} nats, "
        f"perplexity {details['perplexity']:.3g}, {details['accuracy']:.1%} right"
    )
    return [replace(score, facts={"text": inputs.about_data, "per token": per_token})]
