"""How long a run lasts: steps, examples, epochs, or time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from genctl.errors import ExitStatus, GenctlError, opt

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_SCALE = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_TOKENS = {"tok", "token", "tokens"}
_COUNTS = {"img", "imgs", "image", "images", "example", "examples", "pair", "pairs", ""}
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


def times_in(budget: str, every: str) -> int:
    """How many times ``every`` fits into ``budget``.

    Args:
        every: a share such as ``10%``, or an amount in the budget's own unit.

    Raises:
        GenctlError: (USAGE) ``every`` is neither of them, or an amount of zero.
    """
    if every.endswith("%"):
        share = re.fullmatch(_NUMBER, every[:-1].strip())
        part = float(share.group()) / 100 if share else 0.0
    else:
        (whole, unit), (amount, of) = _amount(budget), _amount(every)
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


def _amount(text: str) -> tuple[float, str]:
    """A number in base units, and the name of the unit."""
    match = _FORM.fullmatch(text.strip())
    number, scale, unit = match.groups() if match else ("0", None, "?")
    if unit in _SECONDS and not scale:
        return float(number) * _SECONDS[unit], "seconds"
    kinds = {**dict.fromkeys(_TOKENS, "tokens"), **dict.fromkeys(_COUNTS, "examples")}
    return float(number) * _SCALE[scale or ""], kinds.get(unit, unit.rstrip("s"))


def parse_budget(
    text: str, *, per_step: int, dataset_size: int, tokens_per_example: int = 1
) -> Budget:
    """Read ``20steps``, ``250k`` (examples), ``10Mtokens``, ``3epochs``, ``110s``, ``5m``, ``2h``.

    Args:
        text: a number, a scale (``k``, ``M``, ``G``), a unit. ``m`` is minutes, ``M`` millions.
        per_step: examples in one step.
        dataset_size: examples in an epoch.
        tokens_per_example: the length of a window of text.

    Raises:
        GenctlError: the text is not a budget, or the budget is zero.
    """
    match = _FORM.fullmatch(text.strip())
    number, scale, unit = match.groups() if match else ("0", None, "")
    amount = float(number) * _SCALE[scale or ""]
    if amount > 0 and unit in _SECONDS and not scale:
        return Budget(seconds=amount * _SECONDS[unit])
    if amount > 0 and unit in {"step", "steps"}:
        examples = amount * per_step
    elif amount > 0 and unit in {"epoch", "epochs"}:
        examples = amount * dataset_size
    elif amount > 0 and unit in _TOKENS:
        examples = amount / tokens_per_example
    elif amount > 0 and unit in _COUNTS:
        examples = amount
    else:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{text!r} is not a budget: a number above 0 and steps, epochs, tokens, s, m or h, or "
            "a bare number of examples such as 250k",
            option="budget",
            suggest=("20steps", "250k", "5m"),
        )
    steps = max(1, round(examples / per_step))
    return Budget(examples=steps * per_step)
