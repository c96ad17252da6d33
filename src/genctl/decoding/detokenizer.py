"""The text of one row of tokens, in chunks that later tokens do not change."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from genctl.decoding.stops import Stops


class IncrementalDetokenizer:
    """Turns tokens into text: a character appears with its last byte.

    Args:
        bytes_of: the bytes that each token stands for.
        stops: texts that end the row.
    """

    def __init__(self, bytes_of: Sequence[bytes], stops: Sequence[str]) -> None:
        self._bytes_of = bytes_of
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stops = Stops(stops)

    @property
    def stopped(self) -> bool:
        """Whether a stop string has occurred."""
        return self._stops.met

    def feed(self, token: int) -> str:
        """Take one more token; returns the text that becomes certain with it."""
        return self._stops.feed(self._decoder.decode(self._bytes_of[token]))

    def end(self) -> str:
        """The rest of the text; bytes of an incomplete character become U+FFFD."""
        rest = self._stops.feed(self._decoder.decode(b"", final=True))
        return rest + self._stops.end()
