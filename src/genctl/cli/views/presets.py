"""Presets and the most used keys, as help and listings show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genctl.registry import DATA_KINDS, Spec

_COMMON = 6


def common_keys(spec: Spec) -> list[str]:
    """The keys that ``--help`` shows: those the family names, or its first and sampling keys."""
    from genctl.config import options

    if spec.common:
        from genctl.config.keys import find_key

        kind = DATA_KINDS.get(spec.data)
        return [find_key(spec, kind, key) for key in spec.common]
    keys = [info.key for info in options(spec)]
    own = [key for key in keys if key.startswith("model.")][:_COMMON]
    return [*own, "train.lr", "train.batch_size", *(k for k in keys if k.startswith("sample."))]


def preset_rows(spec: Spec) -> list[tuple[str, str]]:
    """Each preset and its settings: all of the first, then what differs in the others.

    A narrow screen shows only the beginning. So the model comes first, then the keys of
    `common_keys` and the budget, and last the settings that the preset leaves at their defaults.
    """
    from genctl.config.keys import find_key

    kind = DATA_KINDS.get(spec.data)
    order = {key: place for place, key in enumerate([*common_keys(spec), "train.budget"])}
    presets = {
        name: {find_key(spec, kind, key): value for key, value in values.items()}
        for name, values in spec.presets.items()
    }
    first = presets[spec.default_preset]
    rows = []
    for name, values in presets.items():
        shown = values if name == spec.default_preset else _differing(spec, first, values)
        keys = sorted(shown, key=lambda key: _place(key, values, order))
        words = [f"{key.rpartition('.')[2]}={_text(shown[key])}" for key in keys]
        rows.append((name, " ".join(["(default)", *words] if values is first else words)))
    return rows


def _place(key: str, values: Mapping[str, Any], order: Mapping[str, int]) -> tuple[bool, bool, int]:
    return key not in values, not key.startswith("model."), order.get(key, len(order))


def _differing(spec: Spec, first: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a preset that differ from the first; an absent key has its default."""
    defaults = _defaults(spec)
    known = {key: values.get(key, defaults[key]) for key in {**first, **values}}
    return {key: value for key, value in known.items() if value != first.get(key, defaults[key])}


def _defaults(spec: Spec) -> dict[str, Any]:
    import dataclasses

    from genctl.config.keys import KIND, section_types

    found: dict[str, Any] = {
        f"{section}.{field.name}": field.default
        for section, cls in section_types(spec, DATA_KINDS.get(spec.data)).items()
        for field in dataclasses.fields(cls)
    }
    return {**found, KIND: spec.data, "seed": 0}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
