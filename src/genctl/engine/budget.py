"""How long a run lasts: steps, examples, epochs, or time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from genctl.errors import ExitStatus, GenctlError

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_SCALE = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_TOKENS = {"tok", "token", "tokens"}
_COUNTS = {"img", "imgs", "image", "images", "example", "examples", "pair", "pairs", ""}
_FORM = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(k|M|G)?\s*([a-z]*)")


@dataclass(frozen=True)
class Budget:
    """When a run is over. Exactly one of the two is set.

    Attributes:
        examples: number of training examples, a whole number of steps.
        seconds: wall-clock time, everything included.
    """

    examples: int | None = None
    seconds: float | None = None

    def fraction(self, position: int, elapsed: float) -> float:
        """The share that is spent after ``position`` examples and ``elapsed`` seconds."""
        if self.examples is not None:
            return min(position / self.examples, 1.0)
        assert self.seconds is not None
        return min(elapsed / self.seconds, 1.0)


def parse_budget(
    text: str, *, per_step: int, dataset_size: int, tokens_per_example: int = 1
) -> Budget:
    """Read ``20steps``, ``250k`` (examples), ``10Mtokens``, ``3epochs``, ``110s``, ``5m``, ``2h``.

    Args:
        text: a number, a scale (``k``, ``M``, ``G``), a unit. ``m`` is minutes, ``M`` millions.
        per_step: examples that one step counts.
        dataset_size: examples in an epoch.
        tokens_per_example: the length of a window of text.

    Raises:
        GenctlError: the text is no budget, or one of nothing.
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
            hint="--budget 20steps, --budget 250k, --budget 5m",
        )
    steps = max(1, round(examples / per_step))
    return Budget(examples=steps * per_step)
