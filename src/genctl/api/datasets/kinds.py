"""The functions of a kind of data that verbs call, with the settings that each of them takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from genctl.errors import ExitStatus, GenctlError, Suggestion, nearest, opt
from genctl.registry import DATA_KINDS, DataKind, kind_of


def kind_at(source: str) -> DataKind:
    """The kind of data that ``source`` is; the first kind where none claims it."""
    return kind_of(source) or DATA_KINDS.all()[0]


def target_at(source: str, target: str, done: str) -> tuple[DataKind, Callable[..., Any]]:
    """The kind of ``source``, and its function for a verb.

    Args:
        target: the function, see `DataKind.targets`.
        done: what it does, as ``cleaned``.

    Raises:
        GenctlError: (USAGE) this kind of data does not have the function.
    """
    kind = kind_at(source)
    if target in kind.targets:
        return kind, kind.load(target)
    able = [other for other in DATA_KINDS.all() if target in other.targets]
    accepted = [f"{other.name}: {other.accepts or other.summary}" for other in able]
    raise GenctlError(
        ExitStatus.USAGE,
        f"{source} holds {kind.name}, which cannot be {done}",
        hint=f"name {'; '.join(accepted)}" if able else "",
        option="source",
        suggest=Suggestion("data check", args=(source,)),
    )


def call_with(
    kind: DataKind,
    function: Callable[..., Any],
    source: str,
    *places: Any,
    settings: Mapping[str, Any],
) -> Any:
    """Call a function of ``kind`` with the settings that are not None.

    Raises:
        GenctlError: (USAGE) the function does not take one of them.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    parameters = inspect.signature(function).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        known = [parameter.name for parameter in parameters][1 + len(places) :]
        for name, value in given.items():
            if name not in known:
                close = nearest(name, known, n=1)
                raise GenctlError(
                    ExitStatus.USAGE,
                    f"{opt(name, value)} does not apply: {source} holds {kind.name}",
                    hint=f"leave {opt(name)} out",
                    option=name,
                    suggest=Suggestion("", {close[0]: value}) if close else None,
                )
    return function(source, *places, **given)
