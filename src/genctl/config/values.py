"""Validated values from texts and plain data."""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from collections.abc import Mapping
from typing import Any, Literal

from genctl.config.keys import all_of, named, types_of
from genctl.errors import ExitStatus, GenctlError, nearest, opt, unknown
from genctl.registry import Spec


class Typed(str):
    """A text from a person, which is a TOML value unless its key takes text: see `value_of`."""

    __slots__ = ()


def parse_value(text: str) -> Any:
    """A text as a TOML value; unchanged if it does not parse."""
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if found.keys() == {"value"} else text


def value_of(text: str, hint: Any) -> Any:
    """What a `Typed` text means for a key of the type ``hint``.

    Where the key takes text, ``2024_01`` and ``0x10`` are texts. Quotes are TOML everywhere.
    """
    found, members = parse_value(text), typing.get_args(hint)
    if hint is str:
        return found if isinstance(found, str) else str(text)
    if str in members or str(text) in members:  # text or a list of it, or a choice
        return found if isinstance(found, str | list) else str(text)
    return found


def request_from(spec: Spec, options: Mapping[str, Any], start: Any = None) -> Any:
    """The family's sampling request from options such as ``{"steps": 18}``; values may be texts.

    Args:
        start: gives the values of the options that are not named, such as `Config.sample`; the
            defaults when None.

    Raises:
        GenctlError: an unknown option (with the nearest one) or a value that does not fit.
    """
    hints = types_of(spec.request)
    names = {f.name for f in dataclasses.fields(spec.request)}
    values: dict[str, Any] = {}
    for name, value in options.items():
        name = name.replace("-", "_")
        if name not in names:
            raise unknown("option", name, names, option=name, suggest=all_of(spec))
        values[name] = value_of(value, hints[name]) if isinstance(value, str) else value
    return build(spec.request, values, {}, "", start)


def build(
    cls: type,
    values: Mapping[str, Any],
    origins: Mapping[str, str],
    prefix: str,
    start: Any = None,
) -> Any:
    """Validate ``values`` into the dataclass ``cls``; the first invalid value becomes the error."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    finite = ConfigDict(allow_inf_nan=False)
    hints = types_of(cls)
    clean = {}
    for name, value in values.items():
        if hints[name] is str and not isinstance(value, str):
            value = str(value)
        try:
            clean[name] = TypeAdapter(hints[name], config=finite).validate_python(value)
        except ValidationError as error:
            choices = _choices(hints[name])
            close = nearest(str(value), choices, n=1)
            reason = error.errors()[0]["msg"]
            if close:
                reason = f"did you mean {close[0]!r}? choices are {', '.join(choices)}"
            example = close[0] if close else _example(cls, name)
            key = f"{prefix}{name}"
            origin = named(origins.get(key) or origins.get(name, ""))
            where = f" (from {origin})" if origin else ""
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt(key, value)}{where}: {reason[0].lower()}{reason[1:]}",
                option=key,
                suggest=example,
            ) from None
    return cls(**clean) if start is None else dataclasses.replace(start, **clean)


def _choices(hint: Any) -> tuple[str, ...]:
    """The texts that a ``Literal`` type allows; empty for other types."""
    return tuple(map(str, typing.get_args(hint))) if typing.get_origin(hint) is Literal else ()


def _example(cls: type, name: str) -> Any:
    default = next(f.default for f in dataclasses.fields(cls) if f.name == name)
    return str(default).lower() if isinstance(default, bool) else default
