"""Optimizers from their specs, and their state by parameter name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from genctl.contracts import OptimizerSpec
from genctl.engine.optim.muon import Muon
from genctl.engine.parallel.sharding import shard_like

Named = dict[str, nn.Parameter]


class Optimizers:
    """The optimizers of an objective and the parameters that each of them owns.

    Raises:
        ValueError: a trained parameter has no owner or several, or an optimizer owns nothing.
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

    def set_rates(self, fraction: float, index: int, scale: float) -> None:
        """Set every learning rate and weight decay for a step.

        Args:
            fraction: the share of the budget that is spent.
            index: the number of the step.
            scale: the factor on all rates.
        """
        for name, optimizer in self._optimizers.items():
            spec = self._specs[name]
            factor = spec.schedule(fraction, index) * scale
            left = 1 - fraction if spec.decay_falls else 1.0
            for group in optimizer.param_groups:
                group["lr"] = _highest_rate(spec, group) * factor
                group["weight_decay"] = group["highest_decay"] * left

    def rates(self) -> dict[str, float]:
        """The current learning rate of each optimizer, and with Muon that of its AdamW."""
        return {
            name if group.get("kind") != "adamw" else f"{name}.adamw": float(group["lr"])
            for name, optimizer in self._optimizers.items()
            for group in optimizer.param_groups
        }

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
        """Restore what `state` returned."""
        for name, optimizer in self._optimizers.items():
            whole = optimizer.state_dict()
            order = [
                parameter_name
                for group in _groups(self._specs[name], self.parameters[name])
                for parameter_name in group.names
            ]
            entries: dict[int, dict[str, Tensor]] = {}
            for key, value in state[name].items():
                parameter_name, _, field = key.rpartition("/")
                parameter = self.parameters[name][parameter_name]
                entries.setdefault(order.index(parameter_name), {})[field] = shard_like(
                    value, parameter
                )
            optimizer.load_state_dict({**whole, "state": entries})


def supports_found_inf(optimizer: torch.optim.Optimizer) -> bool:
    """Whether the optimizer can skip a step by a flag on the device.

    SGD cannot: a skipped first step would leave uninitialised momenta behind.
    """
    if isinstance(optimizer, torch.optim.Adam):  # AdamW is a subclass
        return bool(optimizer.defaults["fused"])
    return isinstance(optimizer, Muon)


def set_found_inf(optimizer: torch.optim.Optimizer, bad: Tensor) -> None:
    """Skip the optimizer's next step if the scalar ``bad`` is true (see `supports_found_inf`).

    This sets the attribute that torch's loss scaler sets on fused optimizers.
    """
    vars(optimizer)["found_inf"] = bad.float()


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


@dataclass(frozen=True)
class _Group:
    """Parameters with the same update rule."""

    names: list[str]
    weight_decay: float
    kind: str = ""


def _groups(spec: OptimizerSpec, parameters: Named) -> list[_Group]:
    """Matrices and kernels, which decay, and the rest; with Muon, its matrices separately.

    Scalars form a separate group: they stay whole where all other parameters are sharded, and
    torch's fused optimizers cannot mix both in one group.
    """
    wide = [name for name, parameter in parameters.items() if parameter.ndim >= 2]
    narrow = [name for name, parameter in parameters.items() if parameter.ndim == 1]
    scalars = [name for name, parameter in parameters.items() if parameter.ndim == 0]
    if spec.kind != "muon":
        groups = [_Group(wide, spec.weight_decay), _Group(narrow, 0.0)]
        return [*groups, _Group(scalars, 0.0)] if scalars else groups
    outer = [name for name in wide if any(fnmatchcase(name, pattern) for pattern in spec.adamw)]
    hidden = [name for name in wide if name not in outer]
    groups = [
        _Group(hidden, spec.weight_decay, "muon"),
        _Group(outer, spec.weight_decay, "adamw"),
        _Group(narrow, 0.0, "adamw"),
    ]
    return [*groups, _Group(scalars, 0.0, "adamw")] if scalars else groups


def _highest_rate(spec: OptimizerSpec, group: Mapping[str, object]) -> float:
    return spec.adamw_lr if group.get("kind") == "adamw" else spec.lr


def _build(spec: OptimizerSpec, parameters: Named) -> torch.optim.Optimizer:
    groups = [
        {
            "params": [parameters[name] for name in group.names],
            "weight_decay": group.weight_decay,
            "highest_decay": group.weight_decay,
            "lr": spec.lr,
        }
        | ({"kind": group.kind} if group.kind else {})
        for group in _groups(spec, parameters)
    ]
    fused = next(iter(parameters.values())).device.type in ("cpu", "cuda")
    match spec.kind:
        case "adam":
            return torch.optim.Adam(groups, lr=spec.lr, betas=spec.betas, fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr=spec.lr, betas=spec.betas, fused=fused)
        case "sgd":
            return torch.optim.SGD(groups, lr=spec.lr, momentum=spec.betas[0])
        case "muon":
            return Muon(groups, spec.betas)
        case _:
            raise ValueError(f"no optimizer of the kind {spec.kind!r}")
