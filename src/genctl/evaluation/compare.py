"""Tests whether two scores differ by more than chance; refuses scores of different signatures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from scipy import stats

from genctl import documents
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion, opt
from genctl.evaluation.measures.intervals import LEVEL
from genctl.evaluation.score import Score

_GROUPS = re.compile(r"standard (deviation|error) over (\d+) (?:splits|windows)")
"""`Score.error_kind` in files of older versions, which do not have `Score.groups`."""


@dataclass(frozen=True)
class Comparison:
    """Two values of one metric.

    Attributes:
        name: the name of the metric.
        first, second: the values.
        difference: ``second - first``.
        error: half the width of the 95 % interval of the difference, ``difference ± error``. It is
            Welch's interval from both standard errors and assumes independent evaluations.
        apart: whether that interval excludes 0.
        p_value: two-sided p-value of Welch's test.
        degrees: degrees of freedom of Student's distribution.
    """

    name: str
    first: float
    second: float
    difference: float
    error: float
    apart: bool
    p_value: float
    degrees: float


class _Spread(NamedTuple):
    """The standard error of one score, and its degrees of freedom."""

    error: float
    degrees: float


def read_scores(path: Path) -> dict[str, Score]:
    """The scores in the JSON that the verb ``eval`` writes, by name.

    Raises:
        GenctlError: (DATA) no such file, or a file without scores.
    """
    try:
        document = documents.parse(path.read_bytes())
        found = [_score(score) for score in document["scores"]]
    except FileNotFoundError:
        raise GenctlError(ExitStatus.DATA, f"no scores at {path}", suggest=_HOW) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error) or type(error).__name__
        raise GenctlError(
            ExitStatus.DATA, f"{path} does not contain scores ({reason})", suggest=_HOW
        ) from None
    return {score.name: score for score in found}


def compare_all(first: Mapping[str, Score], second: Mapping[str, Score]) -> list[Comparison]:
    """`compare` each metric that both have.

    Raises:
        GenctlError: (DATA) no common metric, or two scores that cannot be compared.
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
    """Compare two scores by Welch's interval (1947).

    Files of scores do not contain the values of single images, so nothing can be resampled. The
    interval comes from both standard errors and Student's quantile at the degrees of freedom of
    Welch and Satterthwaite. From a few thousand images on this is the normal quantile, 1.96.

    Raises:
        GenctlError: (DATA) their signatures differ, so they measure different things.
    """
    if differing := _differing(first.signature, second.signature):
        raise GenctlError(
            ExitStatus.DATA,
            f"{first.name} cannot be compared: {'; '.join(differing)}",
            hint=f"evaluate both with the same version, options, reference and {opt('n')}",
        )
    difference = second.value - first.value
    spread = _spread_of_difference(_spread(first), _spread(second))
    error = spread.error * float(stats.t.ppf((1 + LEVEL) / 2, spread.degrees))
    return Comparison(
        first.name,
        first.value,
        second.value,
        difference,
        error,
        abs(difference) > error,
        _p_value(difference, spread),
        spread.degrees,
    )


def _spread(score: Score) -> _Spread:
    """The standard error of a score.

    The ``error`` of an Inception Score is the deviation of the splits (ddof 0), as papers report
    it; the standard error of their mean is ``error / sqrt(splits - 1)``.
    """
    if score.groups is not None:
        few = score.error_is_deviation and score.groups > 1
        scale = math.sqrt(score.groups - 1) if few else 1.0
        return _Spread(score.error / scale, max(1, score.groups - 1))
    images = min(score.n_generated, score.n_reference or score.n_generated)
    return _Spread(score.error, max(1, images - 1))


def _spread_of_difference(first: _Spread, second: _Spread) -> _Spread:
    """The degrees of freedom of Welch (1947) and Satterthwaite (1946) for independent values."""
    error = math.hypot(first.error, second.error)
    if not error > 0:  # 0, or unknown
        return _Spread(error, first.degrees + second.degrees)
    shares = [(one.error / error) ** 4 / one.degrees for one in (first, second)]
    return _Spread(error, 1 / sum(shares))


def _p_value(difference: float, spread: _Spread) -> float:
    if spread.error == 0:
        return float(difference == 0)
    return float(2 * stats.t.sf(abs(difference) / spread.error, spread.degrees))


def _differing(first: str, second: str) -> list[str]:
    """The fields in which two signatures differ, in words."""
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
    kind = str(document["error_kind"])
    groups, is_deviation = document.get("groups"), bool(document.get("error_is_deviation"))
    if "groups" not in document and (match := _GROUPS.match(kind)):
        groups, is_deviation = match[2], match[1] == "deviation"
    return Score(
        name=str(document["name"]),
        value=_number(document["value"]),
        error=_number(document["error"]),
        error_kind=kind,
        n_generated=int(document["n_generated"]),
        n_reference=document["n_reference"],
        signature=str(document["signature"]),
        groups=None if groups is None else int(groups),
        error_is_deviation=is_deviation,
    )


def _number(value: Any) -> float:
    """A number of a score; NaN where JSON has none."""
    return math.nan if value is None else float(value)


_HOW = Suggestion(
    "eval",
    {"out": Placeholder("FOLDER")},
    "writes the file FOLDER/eval.json",
    args=("fid", Placeholder("RUN")),
)
