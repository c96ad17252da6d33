"""Optimizers from their specs, and their state by parameter name."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from genctl.contracts import OptimizerSpec

Named = dict[str, nn.Parameter]


class Optimizers:
    """The optimizers of an objective and the parameters that each owns.

    Raises:
        ValueError: a trained parameter has no owner or several, or a selector owns nothing.
    """

    def __init__(
        self, modules: Mapping[str, nn.Module], specs: Mapping[str, OptimizerSpec]
    ) -> None:
        named = {
            f"{role}.{name}": parameter
            for role, module in modules.items()
            for name, parameter in module.named_parameters()
        }
        self._specs = specs
        self.parameters: dict[str, Named] = _assign(named, specs)
        self._optimizers = {
            name: _build(spec, self.parameters[name]) for name, spec in specs.items()
        }

    def __getitem__(self, name: str) -> torch.optim.Optimizer:
        return self._optimizers[name]

    def set_rates(self, fraction: float, scale: float) -> None:
        """Set every learning rate for the step at ``fraction`` of the budget."""
        for name, optimizer in self._optimizers.items():
            spec = self._specs[name]
            rate = spec.lr * spec.schedule(fraction) * scale
            for group in optimizer.param_groups:
                group["lr"] = rate

    def rates(self) -> dict[str, float]:
        """The learning rate of each optimizer at this moment."""
        return {n: float(o.param_groups[0]["lr"]) for n, o in self._optimizers.items()}

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Moments and counters: optimizer -> ``parameter/key`` -> tensor."""
        return {
            name: {
                f"{parameter_name}/{key}": value
                for parameter_name, parameter in self.parameters[name].items()
                for key, value in optimizer.state.get(parameter, {}).items()
                if isinstance(value, Tensor)
            }
            for name, optimizer in self._optimizers.items()
        }

    def load_state(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Put back what `state` gave."""
        for name, optimizer in self._optimizers.items():
            whole = optimizer.state_dict()
            order = [
                parameter_name
                for group in _groups(self.parameters[name])
                for parameter_name in group
            ]
            entries: dict[int, dict[str, Tensor]] = {}
            for key, value in state[name].items():
                parameter_name, _, field = key.rpartition("/")
                entries.setdefault(order.index(parameter_name), {})[field] = value
            optimizer.load_state_dict({**whole, "state": entries})


def _assign(named: Named, specs: Mapping[str, OptimizerSpec]) -> dict[str, Named]:
    owned: dict[str, Named] = {name: {} for name in specs}
    for parameter_name, parameter in named.items():
        owners = [name for name, spec in specs.items() if _selects(spec, parameter_name)]
        if len(owners) != 1:
            raise ValueError(f"{parameter_name} is owned by {owners or 'no optimizer'}")
        owned[owners[0]][parameter_name] = parameter
    for name, parameters in owned.items():
        if not parameters:
            raise ValueError(f"the optimizer {name!r} owns no parameter")
    return owned


def _selects(spec: OptimizerSpec, name: str) -> bool:
    return any(fnmatchcase(name, p) for p in spec.select) and not any(
        fnmatchcase(name, p) for p in spec.exclude
    )


def _groups(parameters: Named) -> tuple[list[str], list[str]]:
    """Names with weight decay (two or more dimensions) and without."""
    decayed = [name for name, p in parameters.items() if p.ndim >= 2]
    return decayed, [name for name, p in parameters.items() if p.ndim < 2]


def _build(spec: OptimizerSpec, parameters: Named) -> torch.optim.Optimizer:
    groups = [
        {"params": [parameters[name] for name in names], "weight_decay": decay}
        for names, decay in zip(_groups(parameters), (spec.weight_decay, 0.0), strict=True)
    ]
    fused = next(iter(parameters.values())).device.type in ("cpu", "cuda")
    match spec.kind:
        case "adam":
            return torch.optim.Adam(groups, lr=spec.lr, betas=spec.betas, fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr=spec.lr, betas=spec.betas, fused=fused)
        case "sgd":
            return torch.optim.SGD(groups, lr=spec.lr, momentum=spec.betas[0])
        case _:
            raise ValueError(f"no optimizer of the kind {spec.kind!r}")
