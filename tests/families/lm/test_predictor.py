"""Both predictors of a decoder: any calls in any order give the logits of the plain network."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genctl.contracts import Slot, TokenPredictor
from genctl.decoding.uncached import UncachedPredictor
from genctl.families.lm.network import Decoder
from genctl.families.lm.predictor import KVCachePredictor
from tests.families.lm.networks import KINDS, SHAPE, decoder, tokens

CONTEXT, VOCABULARY = SHAPE["context"], SHAPE["vocab_size"]
NETWORKS = [decoder(**kind) for kind in KINDS]


def uncached(network: Decoder) -> TokenPredictor:
    return UncachedPredictor(network, CONTEXT, VOCABULARY)


BOTH = pytest.mark.parametrize("build", [KVCachePredictor, uncached])
Build = Callable[[Decoder], TokenPredictor]


@torch.no_grad()
def plain(network: Decoder, held: list[int], new: int) -> torch.Tensor:
    """The network's logits at the last ``new`` tokens."""
    logits: torch.Tensor = network(torch.tensor([held]))
    return logits[0, len(held) - new :]


class Checked:
    """A predictor beside what its slots should hold; each read is compared."""

    def __init__(self, network: Decoder, predictor: TokenPredictor) -> None:
        self.network = network
        self.predictor = predictor
        self.held: dict[Slot, list[int]] = {}
        self.closed: list[Slot] = []

    def open(self, row: list[int]) -> None:
        slot = self.predictor.open(row)
        assert slot not in self.held
        assert slot not in self.closed
        self.held[slot] = list(row)

    def read(self, entries: list[tuple[Slot, list[int]]]) -> None:
        found = self.predictor.read(entries)
        assert len(found) == len(entries)
        for (slot, new), logits in zip(entries, found, strict=True):
            self.held[slot] += new
            expected = plain(self.network, self.held[slot], len(new))
            assert logits.dtype == torch.float32
            assert logits.shape == expected.shape
            assert torch.allclose(logits, expected, atol=1e-5)

    def select(self, slots: list[Slot]) -> None:
        new = self.predictor.select(slots)
        assert len(set(new)) == len(slots)
        assert not {*self.held, *self.closed}.intersection(new)
        self.held.update({slot: list(self.held[old]) for slot, old in zip(new, slots, strict=True)})
        for old in set(slots):
            self._forget(old)

    def close(self, slot: Slot) -> None:
        self.predictor.close(slot)
        self._forget(slot)

    def _forget(self, slot: Slot) -> None:
        del self.held[slot]
        self.closed.append(slot)


@BOTH
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_calls_in_any_order(build: Build, data: st.DataObject) -> None:
    network = data.draw(st.sampled_from(NETWORKS))
    one = Checked(network, build(network))
    token = st.integers(0, VOCABULARY - 1)
    for _ in range(data.draw(st.integers(1, 14))):
        open_slots = sorted(one.held)
        call = data.draw(st.sampled_from(("open", "read", "select", "close", "read")))
        if call == "open" or not open_slots:
            one.open(data.draw(st.lists(token, max_size=CONTEXT // 2)))
            continue
        chosen = st.lists(st.sampled_from(open_slots), max_size=6)
        if call == "read":
            slots = data.draw(st.permutations(open_slots))[: data.draw(st.integers(1, 8))]
            roomy = [slot for slot in slots if len(one.held[slot]) < CONTEXT]
            alone = data.draw(st.booleans())  # one token each, as most reads are
            one.read(
                [
                    (slot, data.draw(st.lists(token, min_size=1, max_size=1 if alone else room)))
                    for slot in roomy
                    if (room := CONTEXT - len(one.held[slot]))
                ]
            )
        elif call == "select":
            one.select(data.draw(chosen))
        else:
            one.close(data.draw(st.sampled_from(open_slots)))
        for slot in one.closed:
            with pytest.raises(ValueError, match=f"slot {slot} is not open"):
                one.predictor.close(slot)


@BOTH
@settings(max_examples=20, deadline=None)
@given(
    row=st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=CONTEXT),
    cuts=st.sets(st.integers(1, CONTEXT - 1)),
    opened=st.integers(0, CONTEXT - 1),
)
def test_chunks_give_what_the_whole_gives(
    build: Build, row: list[int], cuts: set[int], opened: int
) -> None:
    predictor = build(NETWORKS[0])
    (whole,) = predictor.read([(predictor.open(), row)])
    opened = min(opened, len(row) - 1)
    bounds = [opened, *sorted(cut for cut in cuts if opened < cut < len(row)), len(row)]
    slot = predictor.open(row[:opened])
    parts = [predictor.read([(slot, row[start:stop])])[0] for start, stop in pairwise(bounds)]
    assert torch.allclose(torch.cat(parts), whole[opened:], atol=1e-5)


@pytest.mark.parametrize("ahead", [0, 7, 13])
def test_long_reads_are_computed_in_parts(monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    rows = [tokens(20).tolist(), tokens(11).tolist(), tokens(1).tolist()]
    monkeypatch.setattr("genctl.families.lm.predictor.PREFILL", 4)
    one = Checked(NETWORKS[0], KVCachePredictor(NETWORKS[0]))
    for row in rows:
        one.open(row[: min(ahead, len(row) - 1)])
    one.read([(slot, row[len(one.held[slot]) :]) for slot, row in zip(one.held, rows, strict=True)])
    one.read([(slot, [3]) for slot in one.held])


@BOTH
@pytest.mark.parametrize("apart", [False, True])
def test_many_rows_of_equal_length(build: Build, apart: bool) -> None:
    """The common case of sampling, and the same with rows between that are not read."""
    one = Checked(NETWORKS[1], build(NETWORKS[1]))
    for row in tokens(8, 6).tolist():
        one.open(row[:-1])
    one.read([(slot, [5]) for slot in one.held])
    read = list(one.held)[:: 2 if apart else 1]
    for step in range(4):
        one.read([(slot, [step]) for slot in reversed(read)])


@BOTH
def test_rows_that_close_one_by_one(build: Build) -> None:
    one = Checked(NETWORKS[2], build(NETWORKS[2]))
    for row in tokens(9, 12).tolist():
        one.open(row[: 3 + row[0] % 8])
    for slot in (4, 0, 8, 7, 1, 2, 6, 3):
        one.read([(held, [slot]) for held in one.held])
        one.close(slot)
    one.open([1, 2])
    one.read([(held, [1]) for held in one.held])


@BOTH
def test_what_a_closed_slot_held_reaches_no_other(build: Build) -> None:
    """Also where it was not a number."""
    network = decoder()
    with torch.no_grad():
        network.model.embed_tokens.weight[7] = float("nan")
    one = Checked(network, build(network))
    bad = one.predictor.open([7, 7, 7, 7, 7, 7])
    assert one.predictor.read([(bad, [1])])[0].isnan().all()
    one.predictor.close(bad)
    for row in ([1], [1, 2, 3, 4, 5, 6, 8]):
        one.open(row)
    one.read([(slot, [2]) for slot in one.held])


@BOTH
@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([(0, [1]), (2, [1])], "slot 2 is not open"),
        ([(0, [1]), (9, [1])], "slot 9 is not open"),
        ([(0, [1]), (1, [])], "no token"),
        ([(0, [1]), (0, [1])], "twice"),
        ([(0, [1]), (1, [40])], "outside the vocabulary of 40"),
        ([(0, [1]), (1, [-1])], "outside the vocabulary of 40"),
        ([(0, [1]), (1, [1] * 23)], "2 .* 23 tokens are more than the context of 24"),
    ],
)
def test_wrong_reads_change_nothing(
    build: Build, entries: list[tuple[Slot, list[int]]], problem: str
) -> None:
    one = Checked(NETWORKS[0], build(NETWORKS[0]))
    for row in ([], [3, 4], [5]):
        one.open(row)
    one.close(2)
    with pytest.raises(ValueError, match=problem):
        one.predictor.read(entries)
    one.read([(0, [1]), (1, [1] * 22)])
    with pytest.raises(ValueError, match="context"):
        one.predictor.read([(1, [1])])


@BOTH
def test_other_mistakes(build: Build) -> None:
    predictor = build(NETWORKS[0])
    assert (predictor.context, predictor.vocab_size) == (24, 40)
    with pytest.raises(ValueError, match="more than the context"):
        predictor.open([1] * 25)
    with pytest.raises(ValueError, match="outside"):
        predictor.open([40])
    with pytest.raises(ValueError, match="takes no condition, but got source"):
        predictor.open([1], {"source": torch.zeros(1)})
    slot = predictor.open([1])
    with pytest.raises(ValueError, match="slot 99 is not open"):
        predictor.select([slot, 99])
    assert predictor.read([(slot, [2])])[0].shape == (1, 40)
    assert predictor.read([]) == []
    assert predictor.select([]) == []
