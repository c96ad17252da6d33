"""The handles of a token predictor: which slots are open, and the checks of every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Generic, Protocol, TypeVar

from torch import Tensor

from genctl.contracts import Slot


class Sized(Protocol):
    """What a predictor keeps for a slot; its length is the number of tokens that the slot holds."""

    def __len__(self) -> int: ...


State = TypeVar("State", bound=Sized)


class Slots(Generic[State]):
    """The open slots of a `genctl.contracts.TokenPredictor` and their states.

    Args:
        context: the maximum number of tokens in a slot.
        vocab_size: the number of tokens.
    """

    def __init__(self, context: int, vocab_size: int) -> None:
        self._context = context
        self._vocab_size = vocab_size
        self._states: dict[Slot, State] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._states)

    def open(self, state: State) -> Slot:
        """A new slot with this state."""
        slot = next(self._numbers)
        self._states[slot] = state
        return slot

    def close(self, slot: Slot) -> State:
        """Forget the slot; its state.

        Raises:
            ValueError: the slot is not open.
        """
        return self._states.pop(self._checked(slot))

    def reading(self, entries: Sequence[tuple[Slot, Sequence[int]]]) -> list[State]:
        """The states of the slots of a ``read``, after all its checks.

        Raises:
            ValueError: a slot that is not open, or is given twice, or without a token; a token
                outside the vocabulary; or more tokens than the context.
        """
        states = [self._states[self._checked(slot)] for slot, _ in entries]
        for (slot, tokens), state in zip(entries, states, strict=True):
            if not tokens:
                raise ValueError(f"no token to read for slot {slot}")
            self.check_tokens(tokens, len(state))
        if len({slot for slot, _ in entries}) < len(entries):
            raise ValueError("a slot is given twice in one read")
        return states

    def select(
        self, slots: Sequence[Slot], copy: Callable[[Sequence[State]], Sequence[State]]
    ) -> list[Slot]:
        """Close all ``slots``; returns as many new ones that continue them.

        Args:
            slots: may repeat a slot. Its state goes to the first of its new slots.
            copy: copies each state; called once, with the states that are repeated.

        Raises:
            ValueError: a slot is not open.
        """
        held = {slot: self._states[self._checked(slot)] for slot in slots}
        again = [slot in slots[:place] for place, slot in enumerate(slots)]
        repeats = [held[slot] for slot, repeated in zip(slots, again, strict=True) if repeated]
        copies = iter(copy(repeats))
        states = [
            next(copies) if repeated else held[slot]
            for slot, repeated in zip(slots, again, strict=True)
        ]
        for slot in held:
            del self._states[slot]
        return [self.open(state) for state in states]

    def check_tokens(self, tokens: Sequence[int], held: int) -> None:
        """Check that a slot with ``held`` tokens may take these.

        Raises:
            ValueError: a token outside the vocabulary, or more tokens than the context.
        """
        if held + len(tokens) > self._context:
            raise ValueError(
                f"{held} + {len(tokens)} tokens are more than the context of {self._context}"
            )
        if tokens and not (min(tokens) >= 0 and max(tokens) < self._vocab_size):
            raise ValueError(f"a token is outside the vocabulary of {self._vocab_size}")

    def _checked(self, slot: Slot) -> Slot:
        if slot not in self._states:
            raise ValueError(f"slot {slot} is not open")
        return slot


def refuse_condition(condition: Mapping[str, Tensor] | None) -> None:
    """Refuse any condition, for models that predict from tokens alone.

    Raises:
        ValueError: there is a condition.
    """
    if condition:
        raise ValueError(f"the model takes no condition, but got {', '.join(sorted(condition))}")
