"""Bits a byte: against a closed form, masks, and error bars that mean what they say."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genctl.contracts import Batch, TargetLosses
from genctl.decoding.losses import target_losses
from genctl.evaluation.measures.bits_per_byte import TokenLosses, token_losses
from genctl.evaluation.metrics.text.bpb import bits_per_byte
from tests.specs import token_spec

DATA = token_spec(
    "诗",
    "诗",
    8,
    assets={"tokenizer/tokenizer.json": "cd" * 32},
    vocab_size=4,
    fingerprint="ab" * 32,
)
CPU = torch.device("cpu")


def batch(rows: int, length: int = 8, dropped: int = 0) -> Batch:
    tokens = torch.randint(4, (rows, length + 1), generator=torch.Generator().manual_seed(rows))
    mask = torch.ones(rows, length, dtype=torch.bool)
    if dropped:
        mask[-1, -dropped:] = False
    return Batch({"tokens": tokens, "mask": mask}, range(rows))


def scored(predict: Callable[[Tensor], Tensor]) -> Callable[[Batch], TargetLosses]:
    """What a generator's ``token_losses`` is, from tokens (B, T) to logits (B, T, vocabulary)."""

    def score(one: Batch) -> TargetLosses:
        tokens = one["tokens"]
        return target_losses(predict(tokens[:, :-1]), tokens[:, 1:], one["mask"])

    return score


def uniform(tokens: Tensor) -> Tensor:
    return torch.zeros(*tokens.shape, 4)


def test_a_uniform_model_needs_the_logarithm_of_the_vocabulary() -> None:
    found = token_losses(scored(uniform), [batch(3), batch(2, dropped=5)], CPU)
    assert found.nats_per_token == pytest.approx(math.log(4))
    assert int(found.tokens.sum()) == 5 * 8 - 5
    score = bits_per_byte(found, DATA, predicted_bytes=70, context=8, text="诗", sha256="ef" * 32)
    assert score.value == pytest.approx(2 * 35 / 70)
    assert score.error == pytest.approx(0, abs=1e-6)
    assert score.details["perplexity"] == pytest.approx(4)
    assert score.signature.startswith("bpb|tok:4:cdcdcdcd|ctx:8|n:35|ref:诗@efefefef|dt:fp32|v:")


@pytest.mark.parametrize(("logit", "perplexity"), [(0.0, 4.0), (-2000.0, math.inf)])
def test_one_window_has_no_error_and_says_so(logit: float, perplexity: float) -> None:
    wrong = torch.full((1, 8, 4), 0.0).index_fill(2, torch.tensor([1]), logit)
    ones = Batch({**batch(1), "tokens": torch.ones(1, 9, dtype=torch.long)}, range(1))
    found = token_losses(scored(lambda tokens: wrong), [ones], CPU)
    score = bits_per_byte(found, DATA, predicted_bytes=8, context=8, text="诗", sha256="ef" * 32)
    assert math.isnan(score.error)
    assert score.error_kind == "none, as one window has no standard error"
    assert score.details["perplexity"] == pytest.approx(perplexity)


def test_masked_tokens_do_not_count() -> None:
    one = batch(4, dropped=3)
    spoiled = Batch({**one, "tokens": one["tokens"].clone()}, one.positions)
    spoiled["tokens"][-1, -3:] = 3 - spoiled["tokens"][-1, -3:]
    torch.manual_seed(0)
    table = torch.randn(4, 4)

    def bigram(tokens: Tensor) -> Tensor:
        return table[tokens]

    assert torch.equal(
        token_losses(scored(bigram), [one], CPU).nats[:-1],
        token_losses(scored(bigram), [spoiled], CPU).nats[:-1],
    )
    assert token_losses(scored(bigram), [one], CPU).hits <= 4 * 8 - 3
    # The token before the first masked one is an input there and nowhere a target.
    assert token_losses(scored(bigram), [one], CPU).nats[-1] == pytest.approx(
        float(token_losses(scored(bigram), [spoiled], CPU).nats[-1])
    )


def test_the_error_bar_covers_the_truth() -> None:
    """Windows from a known law: the mean lies within two standard errors 95 % of the time."""
    generator = torch.Generator().manual_seed(0)
    covered = 0
    for _ in range(300):
        tokens = torch.full((50,), 8.0, dtype=torch.double)
        nats = tokens * 2 + torch.randn(50, generator=generator, dtype=torch.double) * 3
        found = TokenLosses(nats, tokens, 0, 0.0)
        covered += abs(found.nats_per_token - 2) < 1.96 * found.error
    assert 0.9 < covered / 300 < 0.99
