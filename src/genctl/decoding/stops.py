"""Stop strings, matched on text that arrives in chunks."""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """Releases text as soon as it is certain not to belong to a stop string.

    If there are several stop strings, the one that is complete first counts; of those that end
    together, the longest. The division into chunks therefore makes no difference.

    Args:
        texts: the stop strings; none of them is empty.

    Attributes:
        met: whether one occurred. The text before it has been released, the rest never is.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._beginnings = _beginnings(texts)
        self._held = ""
        self.met = False

    def feed(self, text: str) -> str:
        """Take more text; returns the text that can be released now."""
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
        """The text that is still held back, at the end."""
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
