from __future__ import annotations

import pytest
import torch

from genctl.contracts import DecoderPlan
from genctl.export.decoder.folder import (
    described,
    largest_error,
    prompt,
    shortfall,
    steps,
    trials,
    weights,
)
from tests.export.decoder.decoders import Lying, plan


@pytest.fixture(scope="module")
def some() -> DecoderPlan:
    return plan()


def greedy(some: DecoderPlan) -> list[int]:
    """The plain loop that `shortfall` stands in for."""
    tokens = prompt(some)
    for _ in range(steps(some)):
        logits = some.module(torch.tensor([tokens]))[0, -1].clone()
        if some.end is not None:
            logits[some.end] = float("-inf")
        tokens.append(int(logits.argmax()))
    return tokens[len(prompt(some)) :]


def test_the_most_probable_tokens_fall_short_by_nothing(some: DecoderPlan) -> None:
    written = greedy(some)
    assert len(written) == 64
    assert shortfall(some, some.module, written) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("place", [0, 30, 63])
def test_a_single_other_token_shows(some: DecoderPlan, place: int) -> None:
    written = greedy(some)
    written[place] = (written[place] + 1) % 256
    assert shortfall(some, some.module, written) > 1e-3


def test_the_end_may_not_come(some: DecoderPlan) -> None:
    assert some.end is not None
    assert shortfall(some, some.module, [*greedy(some)[:5], some.end]) == float("inf")


def test_what_is_tried_fits_the_context() -> None:
    for context, written in ((1, 0), (2, 1), (6, 2), (300, 64)):
        small = plan(context=context)
        assert steps(small) == written
        assert max(part.shape[1] for part in trials(small)) == min(context, 256)
        assert len(prompt(small)) + written <= context
    assert described(trials(plan(context=5))) == "1x1, 3x5, 1x5 tokens"


def test_a_tied_head_is_the_embedding() -> None:
    untied, tied = weights(plan()), weights(plan(tied=True))
    assert set(untied) - set(tied) == {"lm_head.weight"}
    assert all(tensor.dtype == torch.float32 for tensor in untied.values())


def test_modules_that_differ() -> None:
    honest, lying = plan().module, plan(network=Lying).module
    assert largest_error(honest, honest, trials(plan())) == 0
    assert largest_error(honest, lying, trials(plan())) > 1e-4
