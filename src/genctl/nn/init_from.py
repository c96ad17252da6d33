"""Beginning with the weights of an earlier run."""

from __future__ import annotations

from torch import nn

from genctl.errors import ExitStatus, GenctlError, opt


def init_from(module: nn.Module, source: nn.Module) -> None:
    """Copy the weights of ``source``, the module of the run that training begins with.

    Raises:
        GenctlError: (USAGE) the two have not the same weights, or one of another shape.
    """
    own = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in source.state_dict().items()}
    for name in sorted(own.keys() | given.keys()):
        if own.get(name) != given.get(name):
            raise GenctlError(
                ExitStatus.USAGE,
                f"the run of {opt('init')} has another shape: its {name} is {given.get(name)}, "
                f"here it is {own.get(name)}",
                hint=f"leave out what changes the shape, or leave {opt('init')} out",
                option="init",
            )
    module.load_state_dict(source.state_dict())
