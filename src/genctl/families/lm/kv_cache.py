"""Keys and values of many sequences: each is a row of one tensor, from position 0 on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from genctl.families.lm.network import DecoderShape

NO_ROW = -1


@dataclass(eq=False)
class CachedTokens:
    """The state of a slot.

    Attributes:
        pending: its last tokens, whose keys and values are not computed yet.
        length: the number of tokens before the pending ones.
        row: its row of the cache; `NO_ROW` before the first read.
    """

    pending: list[int] = field(default_factory=list)
    length: int = 0
    row: int = NO_ROW

    def __len__(self) -> int:
        return self.length + len(self.pending)


class KVCache:
    """Rows of keys and values; rows are added when needed.

    After `place` the rows in use have no gaps, so a step of all sequences reads the tensor without
    copying. Unused positions of a row are zero, so a masked position is never a NaN.

    Args:
        shape: the shape of the decoder.
        like: a tensor of the required type and device.
    """

    def __init__(self, shape: DecoderShape, like: Tensor) -> None:
        self._grouped = shape.kv_heads != shape.heads
        # Heads of keys, then of values: (depth, rows, 2 kv_heads, context, D).
        size = (shape.depth, 0, 2 * shape.kv_heads, shape.context, shape.head_dim)
        self._stored = like.new_empty(size)
        self._columns = torch.arange(shape.context, device=like.device)
        self._zero = like.new_zeros(())
        # The rows of the last uneven group, which are mostly those of the next one.
        self._last_rows: list[int] = []
        self._last_index = self._last_heads = self._columns
        self._owners: list[CachedTokens | None] = []
        self._free: list[int] = []

    def place(self, states: Sequence[CachedTokens]) -> None:
        """Assign a row to each state without one, and close the gaps between rows in use."""
        fresh = [state for state in states if state.row == NO_ROW]
        if fresh:
            self._assign(fresh)
        if self._free:
            self._close_gaps()

    def copy(self, states: Sequence[CachedTokens]) -> list[CachedTokens]:
        """An independent copy of each state."""
        copies = [CachedTokens(state.pending.copy(), state.length) for state in states]
        pairs = [pair for pair in zip(states, copies, strict=True) if pair[0].row != NO_ROW]
        if pairs:
            self._assign([copied for _, copied in pairs])
            self._copy_rows([(state.row, copied.row, state.length) for state, copied in pairs])
        return copies

    def release(self, state: CachedTokens) -> None:
        """Free a row."""
        if state.row != NO_ROW:
            self._clear(state.row, state.length)
            self._owners[state.row] = None
            self._free.append(state.row)
            state.row = NO_ROW

    def group(self, states: Sequence[CachedTokens], length: int) -> Group:
        """How ``length`` new tokens of each state attend, see `Group`.

        Args:
            states: in the order of their rows. With more than one new token, their rows must be
                consecutive and their numbers of tokens equal.
            length: the number of new tokens of each state.
        """
        first, count = states[0].row, len(states)
        starts = [state.length for state in states]
        stop = max(starts) + length
        scattered = states[-1].row - first >= count
        if scattered or min(starts) + length != stop:
            return self._uneven(states, starts, stop, scattered=scattered)
        rows = self._stored.narrow(1, first, count)
        return Group(
            shape=(count, length),
            targets=(
                rows.select(3, stop - 1) if length == 1 else rows.narrow(3, starts[0], length)
            ).unbind(0),
            seen=self._seen(rows, stop),
            positions=self._positions(starts[0], length, count),
            mask=None if length == 1 or length == stop else self._causal(starts[0], stop),
            causal=length == stop > 1,
            grouped=self._grouped,
        )

    def _uneven(
        self, states: Sequence[CachedTokens], starts: Sequence[int], stop: int, *, scattered: bool
    ) -> Group:
        """One new token of each state, for unequal numbers of tokens or rows with gaps."""
        held = self._stored
        device, count = held.device, len(states)
        rows = [state.row for state in states]
        if rows != self._last_rows:
            self._last_rows = rows
            self._last_index = torch.tensor(rows, device=device)
            heads = self._last_index[:, None] * held.shape[2] + self._columns[: held.shape[2]]
            self._last_heads = heads * held.shape[3]
        positions = torch.tensor(starts, device=device)
        chosen = held if scattered else held.narrow(1, states[0].row, count)
        later = self._columns[:stop] > positions[:, None]
        return Group(
            shape=(count, 1),
            positions=positions,
            targets=held.flatten(1, 3).unbind(0),
            places=(self._last_heads + positions[:, None]).flatten(),
            seen=self._seen(chosen, stop),
            rows=self._last_index if scattered else None,
            mask=torch.where(later, float("-inf"), self._zero)[:, None, None],
            grouped=self._grouped,
        )

    def _seen(self, rows: Tensor, stop: int) -> tuple[tuple[Tensor, ...], ...]:
        heads = rows.narrow(3, 0, stop).chunk(2, dim=2)
        return tuple(part.unbind(0) for part in heads)

    def _positions(self, start: int, length: int, count: int) -> Tensor:
        positions = self._columns.narrow(0, start, length)
        return positions if count == 1 or length == 1 else positions.repeat(count)

    def _causal(self, start: int, stop: int) -> Tensor:
        """(stop - start, stop): the mask of each new token, which is added to its scores."""
        later = self._columns[:stop] > self._columns[start:stop, None]
        return torch.where(later, float("-inf"), self._zero)

    def _assign(self, states: Sequence[CachedTokens]) -> None:
        before = len(self._owners) - len(self._free)
        self._free.sort(reverse=True)
        for state in states:
            if self._free:
                state.row = self._free.pop()
                self._owners[state.row] = state
            else:
                state.row = len(self._owners)
                self._owners.append(state)
        held, rows = self._stored, len(self._owners)
        if rows > held.shape[1]:
            rows = max(rows, 2 * held.shape[1]) if before else rows
            self._stored = held.new_zeros(held.shape[0], rows, *held.shape[2:])
            self._stored.narrow(1, 0, held.shape[1]).copy_(held)

    def _close_gaps(self) -> None:
        """Move the last rows to free ones."""
        free, moved = sorted(self._free), []
        self._free.clear()
        while free:
            state = self._owners.pop()
            if state is None:
                free.pop()
                continue
            target = free.pop(0)
            moved.append((state.row, target, state.length))
            self._owners[target] = state
            state.row = target
        if moved:
            self._copy_rows(moved)
        for source, _, length in moved:
            self._clear(source, length)

    def _copy_rows(self, moves: Sequence[tuple[int, int, int]]) -> None:
        """Copy the content of rows to empty rows; a move is (from, to, length)."""
        sources, targets, lengths = zip(*moves, strict=True)
        held = self._stored.narrow(3, 0, max(lengths))
        device = held.device
        rows = held.index_select(1, torch.tensor(sources, device=device))
        held.index_copy_(1, torch.tensor(targets, device=device), rows)

    def _clear(self, row: int, length: int) -> None:
        self._stored[:, row, :, :length].zero_()


@dataclass(frozen=True)
class Group:
    """Sequences whose new tokens attend in one call.

    Attributes:
        shape: (B, T), sequences and new tokens of each.
        positions: of the new tokens, (B * T,) int64; (1,) if all have the same position.
        targets: where keys and values are written, by layer.
        seen: keys and values to attend to, by layer: (rows, kv_heads, L, D).
        places: the rows of a target that are written to; None for all.
        rows: the rows of ``seen`` that are used; None for all, in order.
        mask: added to the scores.
        causal: whether attention is causal over new tokens only, without earlier ones.
        grouped: whether several heads share keys and values.
    """

    shape: tuple[int, int]
    positions: Tensor
    targets: tuple[Tensor, ...]
    seen: tuple[tuple[Tensor, ...], ...]
    places: Tensor | None = None
    rows: Tensor | None = None
    mask: Tensor | None = None
    causal: bool = False
    grouped: bool = False

    @property
    def size(self) -> int:
        """The number of new tokens."""
        return self.shape[0] * self.shape[1]

    def attend(self, layer: int, query: Tensor, stored: Tensor) -> Tensor:
        """Store keys and values of new tokens, and attend.

        Args:
            layer: the number of the layer.
            query: (B * T, heads, D).
            stored: keys followed by values, (B * T, 2 kv_heads, D).

        Returns:
            (B * T, heads * D).
        """
        target = self.targets[layer]
        if self.places is None:
            target.copy_(stored if self.shape[1] == 1 else self._by_head(stored))
        else:
            target.index_copy_(0, self.places, stored.flatten(0, 1))
        keys, values = self.seen[0][layer], self.seen[1][layer]
        if self.rows is not None:
            keys, values = keys.index_select(0, self.rows), values.index_select(0, self.rows)
        mixed = F.scaled_dot_product_attention(
            self._by_head(query),
            keys,
            values,
            attn_mask=self.mask,
            is_causal=self.causal,
            enable_gqa=self.grouped,
        )
        if self.shape[1] > 1:
            mixed = mixed.transpose(1, 2)
        return mixed.reshape(query.shape[0], -1)

    def _by_head(self, x: Tensor) -> Tensor:
        """(B * T, heads, D) as (B, heads, T, D)."""
        if self.shape[1] == 1:
            return x.unsqueeze(2)
        return x.view(*self.shape, *x.shape[1:]).transpose(1, 2)
