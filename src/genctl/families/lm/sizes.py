"""Sets the shape and the learning rates of a decoder from a number of parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from genctl.errors import ExitStatus, GenctlError, opt

_SCALE = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}
_STEP = 32
"""Widths are multiples of this, so that every matrix can be quantised in blocks of 32."""

_ASPECT, _LEAST_DEPTH, _HEAD = 64, 4, 64
_TUNED_WIDTH, _TUNED_RATE = 96, 0.02


def derive(values: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    """The settings from ``model.size``: key -> (value, origin); none without it.

    A block has 12 width² parameters; width is 64 times the depth, but the depth is at least 4.
    AdamW's learning rate falls with the square root of the width; Muon's is the same for every
    width.

    Args:
        values: dotted key -> value, as chosen so far.

    Raises:
        GenctlError: the size is not a possible number of parameters.
    """
    text = values.get("model.size")
    if not text:
        return {}
    wanted = _parameters(str(text))
    width = min(range(_STEP, 16_384 + 1, _STEP), key=lambda w: abs(_blocks(w) - wanted))
    found = {
        "model.width": width,
        "model.depth": _depth(width),
        "model.heads": heads_for(width),
        "train.adamw_lr": float(f"{_TUNED_RATE * (_TUNED_WIDTH / width) ** 0.5:.2g}"),
    }
    return {key: (value, f"model.size {text}") for key, value in found.items()}


def heads_for(width: int) -> int:
    """The number of heads with an even width that is nearest to 64."""
    choices = [n for n in range(1, width // 2 + 1) if width % (2 * n) == 0]
    return min(choices, key=lambda n: abs(width / n - _HEAD))


def hidden_for(width: int) -> int:
    """8/3 of the width, in steps of 32; SwiGLU's three matrices are then as large as two of 4x."""
    return max(_STEP, round(8 * width / 3 / _STEP) * _STEP)


def _depth(width: int) -> int:
    return max(_LEAST_DEPTH, round(width / _ASPECT))


def _blocks(width: int) -> int:
    return 12 * width**2 * _depth(width)


def _parameters(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*([kMGB]?)", text.strip())
    number = float(match[1]) * _SCALE[match[2]] if match else 0.0
    if not _blocks(_STEP) / 2 <= number <= 2e12:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('model.size', text)} is not a number of parameters from 25k up",
            option="model.size",
            suggest="10M",
        )
    return number
