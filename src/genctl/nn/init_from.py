"""Beginning with the weights of an earlier run."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from torch import nn

from genctl.errors import ExitStatus, GenctlError, opt


def init_from(module: nn.Module, source: nn.Module) -> None:
    """Copy the weights of ``source``, the module of the run that training begins with.

    Raises:
        GenctlError: (USAGE) the two do not have the same weights, or one has another shape.
    """
    own = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in source.state_dict().items()}
    for name in sorted(own.keys() | given.keys()):
        if name not in given:
            raise _refusal(f"the run of {opt('init')} has no weight {name}")
        if name not in own:
            raise _refusal(f"the model has no weight {name}, and the run of {opt('init')} has one")
        if own[name] != given[name]:
            raise _refusal(
                f"the weight {name} of {opt('init')} is {given[name]}, and the model needs "
                f"{own[name]}"
            )
    module.load_state_dict(source.state_dict())


def require_same_options(own: Any, given: Any, *, free: Collection[str] = ()) -> None:
    """Compare the options of two networks; some, such as heads, change no shape of a weight.

    Args:
        own: a dataclass: the options of the network that is trained.
        given: those of the network that training begins with.
        free: names of options that may differ.

    Raises:
        GenctlError: (USAGE) the networks are of different types, or an option differs.
    """
    if type(own) is not type(given):
        raise _refusal(f"the network of {opt('init')} is of another type")
    for field in dataclasses.fields(own):
        here, there = getattr(own, field.name), getattr(given, field.name)
        if field.name not in free and here != there:
            raise _refusal(
                f"the network of {opt('init')} has {field.name} {_shown(there)}, and the model "
                f"needs {_shown(here)}"
            )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_shown, value)) or "none"
    return str(value).lower()


def _refusal(message: str) -> GenctlError:
    return GenctlError(
        ExitStatus.USAGE,
        message,
        hint=f"leave out what changes the network, or leave {opt('init')} out",
        option="init",
    )
