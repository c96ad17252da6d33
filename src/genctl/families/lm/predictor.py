"""Predicting token by token with the keys and values of earlier tokens kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genctl.contracts import Slot
from genctl.decoding.slots import Slots, refuse_condition
from genctl.families.lm.fused import FusedDecoder
from genctl.families.lm.kv_cache import CachedTokens, Group, KVCache
from genctl.families.lm.network import Decoder

PREFILL = 512
"""Tokens of a slot computed at a time, so that long prompts need no large activations."""


@dataclass(frozen=True)
class _Chunk:
    """Tokens of one slot that are computed together.

    Attributes:
        entry: its number in the call.
        state: of the slot.
        tokens: up to `PREFILL`, the pending ones of the slot first.
    """

    entry: int
    state: CachedTokens
    tokens: Sequence[int]

    @property
    def wanted(self) -> int:
        """Of how many tokens, the last ones, the logits are given; before they are computed."""
        return max(0, len(self.tokens) - len(self.state.pending))

    def follows(self, other: _Chunk) -> bool:
        """Whether both can attend in one call, this one after the other."""
        length = len(self.tokens)
        if len(other.tokens) != length:
            return False
        one, two = other.state, self.state
        return length == 1 or (one.length == two.length and one.row + 1 == two.row)


class KVCachePredictor:
    """A `genctl.contracts.TokenPredictor` of a decoder: each token is computed once.

    Args:
        network: whose weights are read now; later changes of them are not seen.
    """

    def __init__(self, network: Decoder) -> None:
        self.context = network.shape.context
        self.vocab_size = network.shape.vocab_size
        self._decoder = FusedDecoder(network)
        self._device = self._decoder.rotary.device
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
        found: list[list[Tensor]] = [[] for _ in entries]
        for start in range(0, max(map(len, unread), default=0), PREFILL):
            chunks = [
                _Chunk(entry, state, tokens[start : start + PREFILL])
                for entry, (state, tokens) in enumerate(zip(states, unread, strict=True))
                if len(tokens) > start
            ]
            chunks.sort(key=lambda chunk: (len(chunk.tokens) > 1, chunk.state.row))
            for chunk, logits in zip(chunks, self._compute(chunks), strict=True):
                found[chunk.entry].append(logits)
        return [own[0] if len(own) == 1 else torch.cat(own) for own in found]

    @torch.inference_mode()
    def select(self, slots: Sequence[Slot]) -> list[Slot]:
        """Copy and reorder: new slots that continue ``slots``, which are closed."""
        return self._slots.select(slots, self._cache.copy)

    @torch.inference_mode()
    def close(self, slot: Slot) -> None:
        """Give up a slot and its row of the cache."""
        self._cache.release(self._slots.close(slot))

    def _compute(self, chunks: Sequence[_Chunk]) -> Iterable[Tensor]:
        """The wanted logits of each chunk; single tokens come first, then by row."""
        groups = self._groups(chunks)
        flat = [token for chunk in chunks for token in chunk.tokens]
        x = self._decoder.embed(torch.tensor(flat, device=self._device))
        for layer, (weights, rotary) in enumerate(
            zip(self._decoder.layers, self._rotary(chunks), strict=True)
        ):
            x = self._decoder.block(x, weights, rotary, _Attention(layer, groups))
        wanted = [chunk.wanted for chunk in chunks]
        if sum(wanted) < len(flat):
            x = x.index_select(0, self._wanted(chunks))
        for chunk in chunks:
            chunk.state.length += len(chunk.tokens)
            del chunk.state.pending[: len(chunk.tokens)]
        return self._decoder.logits(x).split(wanted)

    def _groups(self, chunks: Sequence[_Chunk]) -> list[Group]:
        """The chunks that attend together."""
        parts: list[list[_Chunk]] = []
        if len(chunks[-1].tokens) == 1:
            parts.append([*chunks])
        else:
            for chunk in chunks:
                if parts and chunk.follows(parts[-1][-1]):
                    parts[-1].append(chunk)
                else:
                    parts.append([chunk])
        return [
            self._cache.group([chunk.state for chunk in part], len(part[0].tokens))
            for part in parts
        ]

    def _rotary(self, chunks: Sequence[_Chunk]) -> Iterable[Tensor]:
        """Each layer's rotary factors at the tokens' positions."""
        table = self._decoder.rotary
        lengths = {len(chunk.tokens) for chunk in chunks}
        starts = {chunk.state.length for chunk in chunks}
        if len(starts) == 1 and (len(chunks) == 1 or lengths == {1}):
            return table.narrow(0, *starts, *lengths).unbind(1)
        positions = torch.tensor(
            [chunk.state.length + place for chunk in chunks for place in range(len(chunk.tokens))],
            device=self._device,
        )
        if len(positions) <= PREFILL:
            return table[positions].unbind(1)
        return (layer[positions] for layer in table.unbind(1))

    def _wanted(self, chunks: Sequence[_Chunk]) -> Tensor:
        """The places of the tokens whose logits are given."""
        places: list[int] = []
        end = 0
        for chunk in chunks:
            end += len(chunk.tokens)
            places += range(end - chunk.wanted, end)
        return torch.tensor(places, dtype=torch.int64, device=self._device)


@dataclass(frozen=True)
class _Attention:
    """A layer's attention, group by group."""

    layer: int
    groups: Sequence[Group]

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if len(self.groups) == 1:
            return self.groups[0].attend(self.layer, query, key, value)
        sizes = [rows * length for rows, length in (group.shape for group in self.groups)]
        parts = zip(
            self.groups, query.split(sizes), key.split(sizes), value.split(sizes), strict=True
        )
        return torch.cat([group.attend(self.layer, *part) for group, *part in parts])
