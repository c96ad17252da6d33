"""The sampling options of every family that generates tokens."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Predicate

from genctl.config import option

_FINITE = Predicate(math.isfinite)
_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\\": "\\"}


@dataclass(frozen=True)
class TextRequest:
    """Sampling options of text; `genctl.decoding.rules` has the order in which they apply.

    ``stop`` accepts Python's escapes ``\\n``, ``\\t`` and ``\\\\``; see `stops`.
    """

    max_new_tokens: Annotated[int, Ge(1)] = option(256, "maximum number of new tokens")
    repetition_penalty: Annotated[float, Gt(0), _FINITE] = option(
        1.0, "above 1: tokens that occurred become less likely"
    )
    presence_penalty: Annotated[float, _FINITE] = option(
        0.0, "subtracted from the logits of tokens that occurred"
    )
    frequency_penalty: Annotated[float, _FINITE] = option(
        0.0, "subtracted from the logits for each time a token occurred"
    )
    temperature: Annotated[float, Ge(0), _FINITE] = option(
        0.8, "below 1: more typical, above 1: more varied; 0: always the likeliest token"
    )
    top_k: Annotated[int, Ge(0)] = option(0, "sample from the k likeliest tokens; 0: from all")
    top_p: Annotated[float, Gt(0), Le(1)] = option(
        1.0, "sample from the likeliest tokens with this total probability"
    )
    min_p: Annotated[float, Ge(0), Le(1)] = option(
        0.0, "minimum probability, as a share of the likeliest token's"
    )
    stop: tuple[str, ...] | str = option(
        "", r'stop before this text (\n: line break); several as ["a", "b"]'
    )
    overflow: Literal["slide", "stop"] = option(
        "slide", "when the context is full: continue from its last half, or stop"
    )

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end a sample, escapes resolved; without empty ones."""
        given = (self.stop,) if isinstance(self.stop, str) else self.stop
        return tuple(re.sub(r"\\[nt\\]", lambda m: _ESCAPES[m[0]], text) for text in given if text)
