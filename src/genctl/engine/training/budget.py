"""How long a run lasts: steps, examples, epochs, or time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from genctl.errors import ExitStatus, GenctlError, opt

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_SCALE = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_UNITS = {
    **dict.fromkeys(("", "example", "examples", "img", "imgs"), "examples"),
    **dict.fromkeys(("step", "steps"), "steps"),
    **dict.fromkeys(("epoch", "epochs"), "epochs"),
    **dict.fromkeys(("tok", "token", "tokens"), "tokens"),
}
"""Unit as it is written -> unit; the words of a kind of data are added."""
WORDS = ("image", "images")
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_FORM = re.compile(rf"({_NUMBER})\s*(k|M|G)?\s*([a-z]*)")


@dataclass(frozen=True)
class Budget:
    """When a run ends. Exactly one of the two attributes is set.

    Attributes:
        examples: number of training examples, a whole number of steps.
        seconds: wall-clock time, including everything.
    """

    examples: int | None = None
    seconds: float | None = None

    def fraction(self, position: int, elapsed: float, *, reserved: float = 0.0) -> float:
        """The share that is spent after ``position`` examples and ``elapsed`` seconds.

        Args:
            reserved: seconds of a budget in time that are reserved for the work after training.
        """
        if self.examples is not None:
            return min(position / self.examples, 1.0)
        assert self.seconds is not None
        return min(elapsed / max(self.seconds - reserved, 1.0), 1.0)


def times_in(budget: str, every: str, words: Sequence[str] = WORDS) -> int:
    """How many times ``every`` fits into ``budget``.

    Args:
        every: a share such as ``10%``, or an amount in the budget's own unit.
        words: further words for examples, those of the kind of data.

    Raises:
        GenctlError: (USAGE) ``every`` is neither of them, or an amount of zero.
    """
    if every.endswith("%"):
        share = re.fullmatch(_NUMBER, every[:-1].strip())
        part = float(share.group()) / 100 if share else 0.0
    else:
        (whole, unit), (amount, of) = _amount(budget, words), _amount(every, words)
        part = amount / whole if of == unit and whole else 0.0
    if not part > 0:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('eval_every', every)} is neither a share of the budget nor in its unit "
            f"({budget})",
            option="eval_every",
            suggest="10%",
        )
    return max(1, int(1 / part + 1e-9))


def _amount(text: str, words: Sequence[str]) -> tuple[float, str]:
    """A number, and its unit: seconds, steps, epochs, tokens, examples, or empty if unknown."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        return 0.0, ""
    number, scale, unit = match.groups()
    if unit in _SECONDS and not scale:
        return float(number) * _SECONDS[unit], "seconds"
    units = {**dict.fromkeys(words, "examples"), **_UNITS}
    return float(number) * _SCALE[scale or ""], units.get(unit, "")


def parse_budget(
    text: str,
    *,
    per_step: int,
    dataset_size: int,
    tokens_per_example: int = 1,
    words: Sequence[str] = WORDS,
) -> Budget:
    """Read ``20steps``, ``250k`` (examples), ``10Mtokens``, ``3epochs``, ``110s``, ``5m``, ``2h``.

    Args:
        text: a number, a scale (``k``, ``M``, ``G``), a unit. ``m`` is minutes, ``M`` millions.
        per_step: examples in one step.
        dataset_size: examples in an epoch.
        tokens_per_example: the length of a window of text.
        words: further words for examples, those of the kind of data: ``("image", "images")``.

    Raises:
        GenctlError: the text is not a budget, or the budget is zero.
    """
    amount, unit = _amount(text, words)
    if amount > 0 and unit == "seconds":
        return Budget(seconds=amount)
    in_examples = {
        "examples": 1,
        "steps": per_step,
        "epochs": dataset_size,
        "tokens": 1 / tokens_per_example,
    }
    if not (amount > 0 and unit in in_examples):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{text!r} is not a budget: a number above 0 and steps, epochs, tokens, {words[-1]}, "
            "s, m or h, or a bare number of examples such as 250k",
            option="budget",
            suggest=("20steps", "250k", "5m"),
        )
    steps = max(1, round(amount * in_examples[unit] / per_step))
    return Budget(examples=steps * per_step)
