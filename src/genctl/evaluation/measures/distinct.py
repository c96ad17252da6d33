"""How varied texts are: the share of distinct n-grams.

Li et al. 2016 (arXiv:1510.03055): the number of distinct n-grams of all samples, divided by the
number of n-grams. N-grams do not cross from one sample into the next.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.measures.intervals import Interval, bootstrap

TOKENS = "words-or-characters"
"""The name of `tokens_of` in signatures."""

_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Myanmar, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "]"
)
"""Characters of the scripts that write words without spaces."""

_APOSTROPHES = "'\u2019"
_JOINERS = "\u200c\u200d"
"""Zero-width characters inside words of Persian and of Indian scripts."""


class Distinct(NamedTuple):
    """The share of different n-grams.

    Attributes:
        value: in (0, 1].
        error: standard error over samples.
        interval: the percentile interval of level `LEVEL`.
        different: the number of distinct n-grams.
        total: the number of n-grams.
    """

    value: float
    error: float
    interval: Interval
    different: int
    total: int


def distinct(texts: Sequence[str], n: int) -> Distinct:
    """The distinct n-grams of all ``texts``, divided by all their n-grams.

    A text that is chosen twice adds no new n-grams, so resampling the texts themselves would make
    the error up to ten times too large. So the influence of each text on the value is resampled:
    its jackknife value.

    Args:
        texts: at least two.
        n: tokens in an n-gram.

    Raises:
        GenctlError: (DATA) fewer than two texts, or none of n tokens.
    """
    if len(texts) < 2:
        raise GenctlError(ExitStatus.DATA, f"distinct-{n} needs at least 2 samples, not 1")
    grams = [_grams(tokens_of(text), n) for text in texts]
    total = sum(map(len, grams))
    if total == 0:
        raise GenctlError(ExitStatus.DATA, f"no sample has {n} words, so there is no distinct-{n}")
    holders: dict[tuple[str, ...], int] = {}
    for gram in (gram for own in grams for gram in set(own)):
        holders[gram] = holders.get(gram, 0) + 1
    value = len(holders) / total
    alone = [sum(holders[gram] == 1 for gram in set(own)) for own in grams]
    moves = _moves(value, len(holders), total, alone, [len(own) for own in grams])
    return Distinct(value, *bootstrap(moves, np.mean), len(holders), total)


def tokens_of(text: str) -> list[str]:
    """Words and characters, by the script of each character; after NFC, case kept.

    - In Chinese, Japanese, Thai, Lao, Khmer and Burmese each character is a token, with the marks
      that follow it.
    - In all other scripts each sequence of letters, digits and marks is a token, including
      apostrophes inside.
    - Each punctuation mark and symbol is a token; spaces are not.
    """
    tokens: list[str] = []
    last = ""
    normal = unicodedata.normalize("NFC", text)
    for place, character in enumerate(normal):
        kind = _kind(character)
        if kind == "word" and character in _APOSTROPHES:
            after = normal[place + 1 : place + 2]
            inside = last == "word" and after.isalnum() and _kind(after) == "word"
            kind = "word" if inside else "symbol"
        joins = (kind == "word" and last == "word") or (kind == "mark" and last != "space")
        if joins and tokens:
            tokens[-1] += character
        elif kind != "space":
            tokens.append(character)
        last = last if kind == "mark" and joins else kind
    return tokens


@functools.cache
def _kind(character: str) -> str:
    """``space``, ``mark`` (joins what is before it), ``character``, ``word`` or ``symbol``."""
    category = unicodedata.category(character)
    if category[0] == "M" or character in _JOINERS:
        return "mark"
    if category[0] in "ZC":
        return "space"
    if _UNSPACED.match(character):
        return "character"
    return "word" if category[0] in "LN" or character in f"_{_APOSTROPHES}" else "symbol"


def _grams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1)]


def _moves(
    value: float, different: int, total: int, alone: Sequence[int], own: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Numbers (N,) whose mean is ``value`` and whose spread is the influence of the texts.

    Args:
        alone: for each text, the number of distinct n-grams that only this text has.
        own: the number of n-grams of each text.
    """
    rest = total - np.array(own, dtype=np.float64)
    fewer = different - np.array(alone, dtype=np.float64)
    without = np.divide(fewer, rest, out=np.full(len(rest), value), where=rest > 0)
    moved: npt.NDArray[np.float64] = value + (len(rest) - 1) * (without.mean() - without)
    return moved
