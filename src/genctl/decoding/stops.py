"""Stop strings, matched on text that comes in pieces."""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """Gives text out as soon as it is certain not to belong to a stop string.

    Of several stop strings the one that is whole first counts, and of those that end together the
    longest; so how the text is cut into pieces makes no difference.

    Args:
        texts: the stop strings; none of them is empty.

    Attributes:
        met: whether one occurred. What came before it has been given out, the rest never will.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._beginnings = _beginnings(texts)
        self._held = ""
        self.met = False

    def feed(self, text: str) -> str:
        """Take more text; what of all the text so far can be given out now."""
        if self.met or not self._texts:
            return "" if self.met else text
        held = self._held + text
        found = [(at + len(stop), at) for stop in self._texts if (at := held.find(stop)) >= 0]
        if found:
            self.met = True
            return held[: min(found)[1]]
        certain = len(held) - self._doubtful(held)
        self._held = held[certain:]
        return held[:certain]

    def end(self) -> str:
        """What is still held, when no more text comes."""
        held, self._held = self._held, ""
        return "" if self.met else held

    def _doubtful(self, held: str) -> int:
        """The length of the longest end of ``held`` that begins a stop string."""
        if not held.endswith(self._beginnings):
            return 0
        return next(len(begun) for begun in self._beginnings if held.endswith(begun))


def _beginnings(texts: Sequence[str]) -> tuple[str, ...]:
    """All proper beginnings of ``texts``, the longest first."""
    found = {text[:length] for text in texts for length in range(1, len(text))}
    return tuple(sorted(found, key=len, reverse=True))
