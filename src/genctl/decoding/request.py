"""How text is to be written: the sampling options of every family that writes tokens."""

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
    """Sampling options of text; `genctl.decoding.rules` applies those in the middle in this order.

    Escapes in ``stop`` (``\\n``, ``\\t``, ``\\\\``) mean what they mean in Python; see `stops`.
    """

    max_new_tokens: Annotated[int, Ge(1)] = option(256, "write at most so many tokens")
    repetition_penalty: Annotated[float, Gt(0), _FINITE] = option(
        1.0, "above 1 makes tokens that occurred less likely"
    )
    presence_penalty: Annotated[float, _FINITE] = option(
        0.0, "taken off the logits of tokens that occurred"
    )
    frequency_penalty: Annotated[float, _FINITE] = option(
        0.0, "the same, for each time they occurred"
    )
    temperature: Annotated[float, Ge(0), _FINITE] = option(
        0.8, "below 1 is more typical, above 1 more varied; 0 takes the likeliest token"
    )
    top_k: Annotated[int, Ge(0)] = option(0, "draw among the k likeliest tokens; 0: among all")
    top_p: Annotated[float, Gt(0), Le(1)] = option(
        1.0, "draw among the likeliest tokens that make up this share"
    )
    min_p: Annotated[float, Ge(0), Le(1)] = option(
        0.0, "leave out tokens less likely than this share of the likeliest"
    )
    stop: tuple[str, ...] | str = option(
        "", r'end before this text (\n is a line break); several as ["a", "b"]'
    )
    overflow: Literal["slide", "stop"] = option(
        "slide", "when the context is full: keep its last half and go on, or end"
    )

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end a sample, escapes resolved; empty ones are left out."""
        given = (self.stop,) if isinstance(self.stop, str) else self.stop
        return tuple(re.sub(r"\\[nt\\]", lambda m: _ESCAPES[m[0]], text) for text in given if text)
