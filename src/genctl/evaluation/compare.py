"""Whether two scores differ by more than chance; refused where they were made differently."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genctl import documents
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion, opt
from genctl.evaluation.score import Score

NORMAL_95 = 1.96
"""How many standard errors hold 95 % of a normal distribution."""


@dataclass(frozen=True)
class Comparison:
    """Two values of one metric.

    Attributes:
        name: of the metric.
        first, second: the values.
        difference: ``second - first``.
        error: half the 95 % interval of the difference, both taken for independent and normal.
        apart: whether that interval leaves out 0.
    """

    name: str
    first: float
    second: float
    difference: float
    error: float
    apart: bool


def read_scores(path: Path) -> dict[str, Score]:
    """The scores in the JSON that the verb ``eval`` writes, by name.

    Raises:
        GenctlError: (DATA) no such file, or other content.
    """
    try:
        document = documents.parse(path.read_bytes())
        found = [_score(score) for score in document["scores"]]
    except FileNotFoundError:
        raise GenctlError(ExitStatus.DATA, f"no scores at {path}", suggest=_HOW) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error) or type(error).__name__
        raise GenctlError(
            ExitStatus.DATA, f"{path} holds no scores ({reason})", suggest=_HOW
        ) from None
    return {score.name: score for score in found}


def compare_all(first: Mapping[str, Score], second: Mapping[str, Score]) -> list[Comparison]:
    """`compare` whatever both have.

    Raises:
        GenctlError: (DATA) they have nothing in common, or two that cannot be compared.
    """
    both = [name for name in first if name in second]
    if not both:
        raise GenctlError(
            ExitStatus.DATA,
            f"no metric in common: the first has {', '.join(first) or 'none'}, the second "
            f"{', '.join(second) or 'none'}",
            hint="evaluate both with the same metric",
        )
    return [compare(first[name], second[name]) for name in both]


def compare(first: Score, second: Score) -> Comparison:
    """Set two scores beside each other.

    Raises:
        GenctlError: (DATA) their signatures differ: not the same number is meant.
    """
    if differing := _differing(first.signature, second.signature):
        raise GenctlError(
            ExitStatus.DATA,
            f"{first.name} cannot be compared: {'; '.join(differing)}",
            hint=f"evaluate both with the same version, options, reference and {opt('n')}",
        )
    difference = second.value - first.value
    error = NORMAL_95 * math.hypot(first.error, second.error)
    return Comparison(
        first.name, first.value, second.value, difference, error, abs(difference) > error
    )


def _differing(first: str, second: str) -> list[str]:
    """The fields of two signatures that are not equal, in words."""
    one, two = (_fields(signature) for signature in (first, second))
    return [
        f"{key} is {one.get(key, 'absent')} in the first and {two.get(key, 'absent')} in the second"
        for key in {**one, **two}
        if one.get(key) != two.get(key)
    ]


def _fields(signature: str) -> dict[str, str]:
    head, *fields = signature.split("|")
    pairs = (field.partition(":") for field in fields)
    return {"metric": head, **{key: value for key, _, value in pairs}}


def _score(document: Mapping[str, Any]) -> Score:
    """The score that `Score.to_json` described, as far as a comparison needs it."""
    return Score(
        name=str(document["name"]),
        value=float(document["value"]),
        error=float(document["error"]),
        error_kind=str(document["error_kind"]),
        n_generated=int(document["n_generated"]),
        n_reference=document["n_reference"],
        signature=str(document["signature"]),
    )


_HOW = Suggestion(
    "eval",
    {"out": Placeholder("FOLDER")},
    "writes the file FOLDER/eval.json",
    args=("fid", Placeholder("RUN")),
)
