"""How well a model predicts text: nats per token, and bits per byte to compare tokenizers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from genctl.contracts import TOKENIZER, Batch, DataSpec, TargetLosses
from genctl.evaluation.score import Score, short_sha
from genctl.version import VERSION


@dataclass(frozen=True)
class TokenLosses:
    """The losses of a model's predictions, by window.

    Attributes:
        nats: (W,) float64, the sum over each window's predicted tokens.
        tokens: (W,) float64, the number of those tokens.
        hits: how many of all tokens were the most probable one.
        seconds: the time of the predictions.
    """

    nats: Tensor
    tokens: Tensor
    hits: int
    seconds: float

    @property
    def nats_per_token(self) -> float:
        return float(self.nats.sum() / self.tokens.sum())

    @property
    def error(self) -> float:
        """Standard error of `nats_per_token`, for independent windows."""
        if len(self.nats) < 2:
            return math.nan
        residual = self.nats - self.nats_per_token * self.tokens
        return float(residual.std() / (self.tokens.mean() * len(self.nats) ** 0.5))


@torch.inference_mode()
def token_losses(
    score: Callable[[Batch], TargetLosses], windows: Iterable[Batch], device: torch.device
) -> TokenLosses:
    """Predict every token of ``windows`` from those before it in its window.

    Args:
        score: `genctl.contracts.TextGenerator.token_losses` of the model.
        windows: ``tokens (B, T + 1)`` and ``mask (B, T)``, true for the tokens to predict.
        device: the device of the model.
    """
    start, hits = time.perf_counter(), 0
    nats: list[Tensor] = []
    counts: list[Tensor] = []
    for batch in windows:
        found = score(batch.to(device))
        nats.append(found.nats.double().sum(1).cpu())
        counts.append(batch["mask"].double().sum(1).cpu())
        hits += int(found.correct.sum())
    return TokenLosses(torch.cat(nats), torch.cat(counts), hits, time.perf_counter() - start)


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
    tokens = int(found.tokens.sum())
    scale = tokens / (math.log(2) * predicted_bytes)
    tokenizer = short_sha(data.assets.get(TOKENIZER, ""))
    parts = {
        "tok": f"{data.main.size}:{tokenizer}",
        "ctx": str(context),
        "n": str(tokens),
        "ref": f"{text}@{short_sha(sha256)}",
        "dt": "fp32",
        "v": VERSION,
    }
    nats = found.nats_per_token
    return Score(
        name="bpb",
        value=nats * scale,
        error=found.error * scale,
        error_kind=f"standard error over {len(found.nats)} windows",
        n_generated=tokens,
        n_reference=None,
        signature="|".join(["bpb", *(f"{k}:{v.replace('|', '_')}" for k, v in parts.items())]),
        seconds={"tokens": found.seconds},
        details={
            "nats_per_token": nats,
            "nats_per_token_error": found.error,
            "perplexity": math.exp(nats),
            "accuracy": found.hits / tokens,
            "bytes_per_token": predicted_bytes / tokens,
        },
    )
