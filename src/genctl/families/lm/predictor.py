"""Predicts token by token, with a cache of the keys and values of earlier tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genctl.contracts import Slot
from genctl.decoding.slots import Slots, refuse_condition
from genctl.families.lm.fused import FusedDecoder
from genctl.families.lm.kv_cache import CachedTokens, Group, KVCache
from genctl.families.lm.network import Decoder

PREFILL = 512
"""Tokens of a slot that are computed at a time, to limit the activations of long prompts."""


@dataclass(frozen=True)
class _Chunk:
    """Tokens of one slot that are computed together.

    Attributes:
        entry: its number in the call.
        state: the state of the slot.
        tokens: up to `PREFILL` tokens, first the pending ones of the slot.
    """

    entry: int
    state: CachedTokens
    tokens: Sequence[int]

    @property
    def wanted(self) -> int:
        """How many of the last tokens get logits; known before they are computed."""
        return max(0, len(self.tokens) - len(self.state.pending))

    def follows(self, other: _Chunk) -> bool:
        """Whether both can attend in one call, with this one after the other."""
        length = len(self.tokens)
        if len(other.tokens) != length:
            return False
        one, two = other.state, self.state
        return length == 1 or (one.length == two.length and one.row + 1 == two.row)


class KVCachePredictor:
    """A `genctl.contracts.TokenPredictor` of a decoder: each token is computed once.

    Args:
        network: the decoder; its weights are copied now, so later changes have no effect.
    """

    def __init__(self, network: Decoder) -> None:
        self.context = network.shape.context
        self.vocab_size = network.shape.vocab_size
        self._decoder = FusedDecoder(network)
        self._device = self._decoder.like.device
        self._cache = KVCache(network.shape, self._decoder.like)
        self._slots = Slots[CachedTokens](self.context, self.vocab_size)

    def open(
        self, tokens: Sequence[int] = (), condition: Mapping[str, Tensor] | None = None
    ) -> Slot:
        """Open a slot that holds ``tokens``; the model takes no condition."""
        refuse_condition(condition)
        self._slots.check_tokens(tokens, 0)
        return self._slots.open(CachedTokens(list(tokens)))

    @torch.inference_mode()
    def read(self, entries: Sequence[tuple[Slot, Sequence[int]]]) -> list[Tensor]:
        """Append tokens to slots; the logits after each of them, (T, vocab_size) float32."""
        states = self._slots.reading(entries)
        self._cache.place(states)
        unread = [
            [*state.pending, *tokens] for state, (_, tokens) in zip(states, entries, strict=True)
        ]
        longest = max(map(len, unread), default=0)
        if longest == 1:
            return self._read_one(states, [token for (token,) in unread])
        found: list[list[Tensor]] = [[] for _ in entries]
        for start in range(0, longest, PREFILL):
            chunks = [
                _Chunk(entry, state, tokens[start : start + PREFILL])
                for entry, (state, tokens) in enumerate(zip(states, unread, strict=True))
                if len(tokens) > start
            ]
            chunks.sort(key=lambda chunk: (len(chunk.tokens) > 1, chunk.state.row))
            for chunk, logits in zip(chunks, self._read_chunks(chunks), strict=True):
                found[chunk.entry].append(logits)
        return [own[0] if len(own) == 1 else torch.cat(own) for own in found]

    @torch.inference_mode()
    def select(self, slots: Sequence[Slot]) -> list[Slot]:
        """Copy and reorder: new slots that continue ``slots``, which are closed."""
        return self._slots.select(slots, self._cache.copy)

    @torch.inference_mode()
    def close(self, slot: Slot) -> None:
        """Free a slot and its row of the cache."""
        self._cache.release(self._slots.close(slot))

    def _read_one(self, states: Sequence[CachedTokens], tokens: Sequence[int]) -> list[Tensor]:
        """The logits after one token of each slot; none of them has pending tokens."""
        rows = [state.row for state in states]
        order = sorted(range(len(rows)), key=rows.__getitem__)
        in_order = [states[place] for place in order]
        logits = self._compute([self._cache.group(in_order, 1)], [tokens[place] for place in order])
        for state in states:
            state.length += 1
        found = [logits] * len(order)
        for place, own in zip(order, logits.split_with_sizes([1] * len(order)), strict=True):
            found[place] = own
        return found

    def _read_chunks(self, chunks: Sequence[_Chunk]) -> Sequence[Tensor]:
        """The requested logits of each chunk; single tokens come first, then by row."""
        wanted = [chunk.wanted for chunk in chunks]
        flat = [token for chunk in chunks for token in chunk.tokens]
        places = self._wanted(chunks) if sum(wanted) < len(flat) else None
        logits = self._compute(self._groups(chunks), flat, places)
        for chunk in chunks:
            chunk.state.length += len(chunk.tokens)
            del chunk.state.pending[: len(chunk.tokens)]
        found: Sequence[Tensor] = logits.split(wanted)
        return found

    def _compute(
        self, groups: Sequence[Group], flat: Sequence[int], wanted: Tensor | None = None
    ) -> Tensor:
        """The logits after the tokens of all groups at the positions ``wanted``."""
        tokens = torch.tensor(flat, device=self._device)
        if len(groups) == 1:
            x = self._decoder.run(tokens, groups[0].positions, groups[0].attend)
        else:
            positions = torch.cat([group.positions.expand(group.size) for group in groups])
            x = self._decoder.run(tokens, positions, _Groups(groups).attend)
        return self._decoder.logits(x if wanted is None else x.index_select(0, wanted))

    def _groups(self, chunks: Sequence[_Chunk]) -> list[Group]:
        """The chunks that attend together."""
        parts: list[list[_Chunk]] = []
        for chunk in chunks:
            if parts and chunk.follows(parts[-1][-1]):
                parts[-1].append(chunk)
            else:
                parts.append([chunk])
        return [
            self._cache.group([chunk.state for chunk in part], len(part[0].tokens))
            for part in parts
        ]

    def _wanted(self, chunks: Sequence[_Chunk]) -> Tensor:
        """The positions of the tokens that get logits."""
        places: list[int] = []
        end = 0
        for chunk in chunks:
            end += len(chunk.tokens)
            places += range(end - chunk.wanted, end)
        return torch.tensor(places, dtype=torch.int64, device=self._device)


class _Groups:
    """The attention of several groups, whose tokens are concatenated."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._sizes = [group.size for group in groups]

    def attend(self, layer: int, query: Tensor, stored: Tensor) -> Tensor:
        """Attend, as in `Group.attend`."""
        parts = (x.split_with_sizes(self._sizes) for x in (query, stored))
        return torch.cat(
            [group.attend(layer, *part) for group, *part in zip(self._groups, *parts, strict=True)]
        )
