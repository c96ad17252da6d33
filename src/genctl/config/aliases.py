"""Older names of keys and values, which files, variables, flags and old runs may still use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

KEYS: Mapping[str, str] = {"train.amp": "train.precision", "amp": "precision"}
"""Older dotted key, or leaf -> its present name."""

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
"""What the option ``precision`` takes everywhere."""

_PRECISIONS = {"off": "fp32", "exact": "fp32", "fast": "bf16"}
_VALUES: Mapping[str, Mapping[Any, str]] = {
    "train.precision": _PRECISIONS,
    "precision": _PRECISIONS,
}
T = TypeVar("T")


def current_key(key: str) -> str:
    """The present name of ``key`` (dotted, or a leaf)."""
    return KEYS.get(key, key)


def current_value(key: str, value: T) -> T | str:
    """The present spelling of ``value`` for ``key``, which is a present name."""
    return _VALUES[key].get(value, value) if key in _VALUES and isinstance(value, str) else value


def current_precision(name: str) -> str:
    """``off`` and ``exact`` as ``fp32``, ``fast`` as ``bf16``; others stay."""
    return _PRECISIONS.get(name, name)


def current(values: Any) -> Any:
    """``values`` by key with present names and spellings; anything else stays as it is.

    Documents of old runs reach this function unchecked.
    """
    if not isinstance(values, Mapping):
        return values
    renamed = {current_key(key): value for key, value in values.items()}
    return {key: current_value(key, value) for key, value in renamed.items()}
