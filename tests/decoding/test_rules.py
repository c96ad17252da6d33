from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from genctl.decoding import rules
from genctl.decoding.request import TextRequest

# Eighths that differ, so that sets have one meaning and no order depends on rounding.
LOGITS = st.lists(st.integers(-60, 60), min_size=1, max_size=24, unique=True).map(
    lambda eighths: torch.tensor([eighths]) / 8
)
GRID = 4001


def grid() -> Tensor:
    """Uniform numbers with both ends, as `torch.rand` may give them."""
    inner = (torch.arange(GRID - 2) + 0.5) / (GRID - 2)
    return torch.cat([torch.tensor([0.0]), inner, torch.tensor([1 - 2**-24])])


def drawn_shares(logits: Tensor, request: TextRequest) -> Tensor:
    """How often each token is chosen over the whole grid, (V,)."""
    chosen = rules.choose(logits.expand(GRID, -1), request, grid())
    return torch.bincount(chosen, minlength=logits.shape[1]) / GRID


def evenly_spaced(logits: Tensor, **rule: Any) -> Tensor:
    """The candidates' logits at their ids, minus infinity elsewhere, (1, V)."""
    ordered, ids = rules.candidates(logits, **rule)
    return torch.full_like(logits, float("-inf")).scatter(1, ids, ordered)


def near_the_edge(logits: Tensor, p: float) -> bool:
    """Whether the first few tokens' share is p but for rounding."""
    shares = logits.softmax(1).sort(descending=True).values.cumsum(1)
    return bool(((shares - p).abs() < 1e-4).any())


@pytest.mark.oracle
class TestAsTransformersDoes:
    """Each rule, and all in their order, beside the reference library's."""

    @given(LOGITS, st.integers(1, 30))
    def test_top_k(self, logits: Tensor, k: int) -> None:
        from transformers import TopKLogitsWarper

        assert torch.equal(evenly_spaced(logits, top_k=k), TopKLogitsWarper(k)(None, logits))

    @given(LOGITS, st.floats(0.01, 0.99))
    def test_top_p(self, logits: Tensor, p: float) -> None:
        from transformers import TopPLogitsWarper

        assume(not near_the_edge(logits, p))
        assert torch.equal(evenly_spaced(logits, top_p=p), TopPLogitsWarper(p)(None, logits))

    @given(LOGITS, st.floats(0.001, 1))
    def test_min_p(self, logits: Tensor, p: float) -> None:
        from transformers import MinPLogitsWarper

        ratios = (logits - logits.max()).exp()
        assume(not ((ratios - p).abs() < 1e-4 * p).any())
        assert torch.equal(evenly_spaced(logits, min_p=p), MinPLogitsWarper(p)(None, logits))

    @given(LOGITS, st.floats(0.1, 10), st.data())
    def test_repetition(self, logits: Tensor, penalty: float, data: st.DataObject) -> None:
        from transformers import RepetitionPenaltyLogitsProcessor

        tokens = st.integers(0, logits.shape[1] - 1)
        row = data.draw(st.lists(tokens, min_size=1, max_size=9))
        request = TextRequest(repetition_penalty=penalty)
        found = rules.penalize(logits, rules.count([row], logits, None), request)
        expected = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([row]), logits)
        assert torch.allclose(found, expected, rtol=1e-6, atol=0)

    @settings(max_examples=60)
    @given(
        logits=LOGITS,
        temperature=st.floats(0.2, 3),
        k=st.integers(0, 12),
        p=st.floats(0.3, 1),
        least=st.floats(0, 0.3),
    )
    def test_all_in_their_order(
        self, logits: Tensor, temperature: float, k: int, p: float, least: float
    ) -> None:
        from transformers import (
            LogitsProcessorList,
            MinPLogitsWarper,
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        chain = LogitsProcessorList([TemperatureLogitsWarper(temperature)])
        if k:
            chain.append(TopKLogitsWarper(k))
        assume(p == 1 or not near_the_edge(chain(None, logits), p))
        chain.append(TopPLogitsWarper(p))
        if least:
            ratios = ((logits - logits.max()) / temperature).exp()
            assume(not ((ratios - least).abs() < 1e-4 * least).any())
            chain.append(MinPLogitsWarper(least))
        expected = chain(None, logits).softmax(1)[0]
        request = TextRequest(temperature=temperature, top_k=k, top_p=p, min_p=least)
        found = drawn_shares(logits, request)
        assert not (found[expected == 0]).any()
        assert torch.allclose(found, expected, atol=3 / GRID)


@given(LOGITS)
def test_plain_draws_follow_the_softmax(logits: Tensor) -> None:
    found = drawn_shares(logits, TextRequest(temperature=1.0))
    assert torch.allclose(found, logits.softmax(1)[0], atol=3 / GRID)


@pytest.mark.parametrize("rule", [{}, {"top_k": 3}, {"top_p": 0.999999}, {"min_p": 1e-9}])
def test_what_has_no_probability_is_never_drawn(rule: dict[str, Any]) -> None:
    never = float("-inf")
    logits = torch.tensor([[never, 1.0, never, never, 0.5, -200.0, never]])
    chosen = rules.choose(logits.expand(GRID, -1), TextRequest(**rule), grid())
    assert set(chosen.tolist()) == {1, 4}


@pytest.mark.parametrize("rule", [{}, {"top_k": 5000}, {"top_p": 0.99}])
def test_rows_are_drawn_alone_from_a_large_vocabulary(rule: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 40_000, generator=generator) * 3
    uniform = torch.rand(5, generator=generator)
    uniform[0], uniform[1] = 0.0, 1 - 2**-24
    request = TextRequest(**rule)
    together = rules.choose(logits, request, uniform)
    alone = [rules.choose(logits[k : k + 1], request, uniform[k : k + 1]) for k in range(5)]
    assert together.tolist() == torch.cat(alone).tolist()
    assert together.max() < 40_000


def test_top_p_keeps_no_more_than_it_needs_where_tokens_are_equal() -> None:
    kept = evenly_spaced(torch.zeros(1, 10), top_p=0.35).isfinite()
    assert kept.tolist() == [[True] * 4 + [False] * 6]


def test_the_likeliest_is_the_lowest_id_of_equals() -> None:
    logits = torch.zeros(3, 300)
    logits[0, [20, 7, 250]] = 1.0
    logits[1, [299, 41]] = 2.0
    assert rules.choose(logits, TextRequest(temperature=0), None).tolist() == [7, 41, 0]


@pytest.mark.parametrize("rule", [{"top_k": 1}, {"top_p": 1e-9}, {"min_p": 1.0}])
def test_one_candidate_is_the_likeliest(rule: dict[str, Any]) -> None:
    logits = torch.randn(GRID, 50, generator=torch.Generator().manual_seed(0))
    chosen = rules.choose(logits, TextRequest(**rule), grid())
    assert torch.equal(chosen, rules.likeliest(logits))


def test_presence_counts_once_and_frequency_each_time() -> None:
    logits = torch.tensor([[1.0, -1.0, 2.0, 0.0], [1.0, -1.0, 2.0, 0.0]])
    counts = rules.count([[0, 0, 2, 3], [1]], logits, besides=3)
    assert counts.tolist() == [[2, 0, 1, 0], [0, 1, 0, 0]]
    found = rules.penalize(
        logits, counts, TextRequest(presence_penalty=0.5, frequency_penalty=0.25)
    )
    assert found.tolist() == [[0.0, -1.0, 1.25, 0.0], [1.0, -1.75, 2.0, 0.0]]
    # Repetition comes first: what it leaves is what the others are taken off.
    every = TextRequest(repetition_penalty=2, presence_penalty=0.5, frequency_penalty=0.25)
    assert rules.penalize(logits, counts, every)[0].tolist() == [-0.5, -1.0, 0.25, 0.0]


@pytest.mark.parametrize("rule", [{}, {"temperature": 0}, {"top_k": 2}, {"top_p": 0.5}])
@pytest.mark.parametrize("broken", [[1.0, float("nan"), 0.0], [float("nan")] * 3])
def test_logits_that_are_no_numbers_are_told_apart(
    rule: dict[str, Any], broken: list[float]
) -> None:
    request = TextRequest(**rule)
    uniform = None if request.temperature == 0 else torch.tensor([0.3, 0.9])
    logits = torch.tensor([broken, [9.0, 0.0, -90.0]])
    assert rules.choose(logits, request, uniform).tolist() == [3, 0]
