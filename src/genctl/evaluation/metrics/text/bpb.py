"""``bpb``: the bits that a model needs for each byte of text that it was not trained on."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from genctl.registry import SPEC_API, MetricSpec
from genctl.wording import number

if TYPE_CHECKING:
    from genctl.contracts import DataSpec
    from genctl.data.text.dataset import TokenDataset
    from genctl.evaluation.inputs import SampleInputs
    from genctl.evaluation.measures.bits_per_byte import TokenLosses
    from genctl.evaluation.score import Score

_LARGEST_EXPONENT = 709.0
"""Above it, `math.exp` has no result; models that diverged come so far."""

SPEC = MetricSpec(
    api=SPEC_API,
    name="bpb",
    of=frozenset({"text"}),
    needs=frozenset({"model", "token_losses"}),
    parts={"bpb": False},
    target=f"{__name__}:measure",
    summary="bits per byte of held-out text",
    explain={"bpb": "bits per byte of the held-out text, or of its beginning"},
)


def measure(inputs: SampleInputs) -> list[Score]:
    """The nats of all predicted tokens, divided by ln 2 and by the bytes of these tokens."""
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
    details, nats = score.details, found.nats_per_token
    per_token = (
        f"{nats:.4f} ± {number(details['nats_per_token_error'], '.4f')} nats, "
        f"perplexity {details['perplexity']:.3g}, {details['accuracy']:.1%} right"
    )
    return [replace(score, facts={"text": inputs.about_data, "per token": per_token})]


def bits_per_byte(
    found: TokenLosses,
    data: DataSpec,
    *,
    predicted_bytes: int,
    context: int,
    text: str,
    sha256: str,
) -> Score:
    """The `Score` of token losses: the nats of all tokens, divided by ln 2 and by their bytes.

    Args:
        data: the data of the model.
        predicted_bytes: the number of UTF-8 bytes of the predicted tokens.
        context: tokens in a window.
        text: the name of the predicted text, such as ``pydoc.valid``.
        sha256: the checksum of its content.
    """
    from genctl.contracts import TOKENIZER
    from genctl.evaluation.score import Score, plain_signature, short_sha

    tokens = int(found.tokens.sum())
    scale = tokens / (math.log(2) * predicted_bytes)
    tokenizer = short_sha(data.assets.get(TOKENIZER, ""))
    nats = found.nats_per_token
    return Score(
        name="bpb",
        value=nats * scale,
        error=found.error * scale,
        error_kind=f"standard error over {len(found.nats)} windows"
        if len(found.nats) > 1
        else "none, as one window has no standard error",
        groups=len(found.nats),
        n_generated=tokens,
        n_reference=None,
        signature=plain_signature(
            "bpb",
            tok=f"{data.main.size}:{tokenizer}",
            ctx=context,
            n=tokens,
            ref=f"{text}@{short_sha(sha256)}",
            dt="fp32",
        ),
        seconds={"tokens": found.seconds},
        details={
            "nats_per_token": nats,
            "nats_per_token_error": found.error,
            "perplexity": math.exp(nats) if nats < _LARGEST_EXPONENT else math.inf,
            "accuracy": found.hits / tokens,
            "bytes_per_token": predicted_bytes / tokens,
        },
    )
