"""Text as arrays of tokens, a piece at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from genctl.data.text.tokenizer import Tokenizer
from genctl.errors import ExitStatus, GenctlError

Tokens = npt.NDArray[np.unsignedinteger]

_PART = 1 << 16
"""Size of the parts that are encoded in parallel, in characters, where the pattern allows a cut."""

_SPACES = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Unicode's white space, as in GPT-2's pattern; Python's ``\\s`` has four more."""

_ALWAYS_SPLIT = re.compile(rf"(?<=[^{_SPACES}])(?=[{_SPACES}])|(?<=[，。！？；、])(?=[^\W_])")
"""Places where GPT-2's pattern begins another piece in any context: before white space that
follows something else, and between Chinese punctuation and a letter or a digit."""

_BEFORE_A_SPACE = re.compile(rf"(?<=[^{_SPACES}])(?= )")
"""Places where other patterns do so too: those that keep line breaks or Chinese punctuation."""

_STRIDE = 4096


def dtype_for(vocab_size: int) -> np.dtype[np.unsignedinteger]:
    """The smallest type that can represent every token."""
    return np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)


class TokenEncoder:
    """Encodes one document in pieces, with the same tokens as for the whole document.

    (A tokenizer of the kind ``file`` gets parts that end before a space. Common tokenizers begin a
    new piece there. One that does not, or that marks the start of a text, may give other tokens.)
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._dtype = dtype_for(tokenizer.vocab_size)
        self._table = _table(tokenizer) if tokenizer.kind == "char" else None
        self._split = _ALWAYS_SPLIT if tokenizer.kind == "bpe" else _BEFORE_A_SPACE
        self._rest = ""

    def feed(self, text: str) -> Tokens:
        """The tokens that become certain with ``text``.

        Raises:
            GenctlError: (DATA) a character that is not in a tokenizer of characters.
        """
        if self._table is not None:
            return self._characters(text, self._table)
        if self._tokenizer.kind == "byte":
            return np.frombuffer(text.encode(), np.uint8).astype(self._dtype)
        self._rest += text
        cut = _last_cut(self._rest, len(self._rest) - len(text), self._split)
        ready, self._rest = self._rest[:cut], self._rest[cut:]
        return self._encoded(ready)

    def finish(self) -> Tokens:
        """The rest of the document's tokens."""
        ready, self._rest = self._rest, ""
        return self._encoded(ready)

    def _encoded(self, text: str) -> Tokens:
        found = self._tokenizer.encode_batch(list(parts(text, self._split))) if text else []
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
                hint="byte and bpe tokenizers handle every character",
                option="data.tokenizer",
                suggest="byte",
            )
        return tokens.astype(self._dtype)


def alphabet_of(pieces: Iterable[str]) -> set[str]:
    """The set of characters of a text."""
    found: set[str] = set()
    for piece in pieces:
        found.update(piece)
    return found


def _table(tokenizer: Tokenizer) -> npt.NDArray[np.int64]:
    """Code point -> token; -1 for other code points."""
    table = np.full(0x110000, -1, np.int64)
    for character, token in tokenizer.alphabet.items():
        table[ord(character)] = token
    return table


def parts(text: str, split: re.Pattern[str] = _ALWAYS_SPLIT) -> Iterator[str]:
    """``text`` in parts of about `_PART` characters that can be encoded on their own."""
    start = 0
    while len(text) - start > _PART:
        match = split.search(text, start + _PART)
        if match is None:
            break
        yield text[start : match.start()]
        start = match.start()
    yield text[start:]


def _last_cut(text: str, seen: int, split: re.Pattern[str]) -> int:
    """The last place where the pattern always splits, or 0; there is none before ``seen``."""
    stop = len(text)
    while stop > seen:
        start = max(stop - _STRIDE, seen)
        places = [match.start() for match in split.finditer(text, start, stop)]
        if places:
            return places[-1]
        stop = start
    return 0
