"""Beginning with the weights of an earlier run."""

from __future__ import annotations

from torch import nn

from genctl.errors import ExitStatus, GenctlError


def init_from(module: nn.Module, source: nn.Module) -> None:
    """Copy the weights of ``source``, the module of the run that ``--init`` names.

    Raises:
        GenctlError: (USAGE) the two have not the same weights, or one of another shape.
    """
    own = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in source.state_dict().items()}
    for name in sorted(own.keys() | given.keys()):
        if own.get(name) != given.get(name):
            raise GenctlError(
                ExitStatus.USAGE,
                f"--init has another shape: its {name} is {given.get(name)}, here it is "
                f"{own.get(name)}",
                hint="leave out what changes the shape, or start without --init",
            )
    module.load_state_dict(source.state_dict())
