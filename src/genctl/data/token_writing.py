"""Text as arrays of tokens, a piece at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from genctl.data.tokenizer import Tokenizer
from genctl.errors import ExitStatus, GenctlError

Tokens = npt.NDArray[np.unsignedinteger]

_PART = 1 << 16
"""Characters that are encoded as one, where the pattern allows a cut; parts go in parallel."""

_ALWAYS_SPLIT = re.compile(r"(?<=\S)(?=\s)|(?<=[，。！？；、])(?=[^\W_])")
"""Where GPT-2's pattern begins another piece whatever stands around: before white space that
follows something else, and between Chinese punctuation and a letter or a digit."""


def dtype_for(vocab_size: int) -> np.dtype[np.unsignedinteger]:
    """The smallest type that holds every token."""
    return np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)


class TokenEncoder:
    """Encodes one document in pieces, to the tokens that the whole would give.

    (A tokenizer of one's own sees parts that end where those of GPT-2 could; its tokens at these
    places may be others than those of the whole.)
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._dtype = dtype_for(tokenizer.vocab_size)
        self._table = _table(tokenizer) if tokenizer.kind == "char" else None
        self._rest = ""

    def feed(self, text: str) -> Tokens:
        """The tokens that stand after ``text`` and did not before.

        Raises:
            GenctlError: (DATA) a character that a tokenizer of characters does not know.
        """
        if self._table is not None:
            return self._characters(text, self._table)
        if self._tokenizer.kind == "byte":
            return np.frombuffer(text.encode(), np.uint8).astype(self._dtype)
        self._rest += text
        cut = _last_cut(self._rest)
        ready, self._rest = self._rest[:cut], self._rest[cut:]
        return self._encoded(ready)

    def finish(self) -> Tokens:
        """The rest of the document's tokens."""
        ready, self._rest = self._rest, ""
        return self._encoded(ready)

    def _encoded(self, text: str) -> Tokens:
        found = self._tokenizer.encode_batch(list(_parts(text))) if text else []
        return np.fromiter((token for part in found for token in part), self._dtype)

    def _characters(self, text: str, table: npt.NDArray[np.int64]) -> Tokens:
        points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        tokens = table[points]
        if (tokens < 0).any():
            unknown = text[int((tokens < 0).argmax())]
            raise GenctlError(
                ExitStatus.DATA,
                f"the text has the character {unknown!r} (U+{ord(unknown):04X}), which the "
                "tokenizer does not know",
                hint="a tokenizer of bytes or bpe knows all",
            )
        return tokens.astype(self._dtype)


def alphabet_of(pieces: Iterable[str]) -> set[str]:
    """Every character of a text."""
    found: set[str] = set()
    for piece in pieces:
        found.update(piece)
    return found


def _table(tokenizer: Tokenizer) -> npt.NDArray[np.int64]:
    """Code point -> token; -1 for others."""
    table = np.full(0x110000, -1, np.int64)
    for character, token in tokenizer.alphabet.items():
        table[ord(character)] = token
    return table


def _last_cut(text: str) -> int:
    """The last place where the pattern always splits; 0 where there is none."""
    for start in range(max(0, len(text) - 4096), -4096, -4096):
        places = [match.start() for match in _ALWAYS_SPLIT.finditer(text, max(0, start))]
        if places:
            return places[-1]
    return 0


def _parts(text: str) -> Iterable[str]:
    """``text`` in parts of about `_PART` characters that can be encoded on their own."""
    start = 0
    while len(text) - start > _PART:
        match = _ALWAYS_SPLIT.search(text, start + _PART)
        if match is None:
            break
        yield text[start : match.start()]
        start = match.start()
    yield text[start:]
