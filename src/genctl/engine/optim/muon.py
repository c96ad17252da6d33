"""Muon for hidden matrices, AdamW for everything else, as one optimizer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from genctl.engine.parallel.sharding import full, local, own_rows

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Coefficients of the quintic that Jordan et al. 2024 (Muon, kellerjordan.github.io/posts/muon)
chose for its slope at zero: five rounds of it bring every singular value close to 1."""

_ROUNDS = 5
_MOMENTUM = 0.95
_EPS = 1e-8


class Muon(torch.optim.Optimizer):
    """Updates groups of kind ``muon`` by orthogonalised momentum and kind ``adamw`` by AdamW.

    The update of a matrix of (rows, columns) is ``lr * sqrt(max(1, rows / columns))`` times the
    semi-orthogonal matrix that is nearest to its Nesterov momentum. In a kernel, all axes but the
    first count as columns. Weight decay is decoupled in both kinds (Loshchilov and Hutter 2019,
    arXiv 1711.05101).

    Args:
        groups: dicts with ``params``, ``kind``, ``lr`` and ``weight_decay``.
        betas: the betas of AdamW.
    """

    found_inf: Tensor | None = None
    """If it is not zero, a step changes nothing; torch's fused optimizers have the same name."""

    def __init__(self, groups: Iterable[dict[str, Any]], betas: tuple[float, float]) -> None:
        # With `fused` torch loads the counters to the device of the parameters.
        super().__init__(groups, {"betas": betas, "weight_decay": 0.0, "fused": True})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            if group["kind"] != "muon":
                self._adamw(group, parameters)
            elif self.found_inf is None:
                self._muon(group, parameters)
            else:
                self._muon_unless(self.found_inf > 0, group, parameters)

    def _muon_unless(self, bad: Tensor, group: dict[str, Any], parameters: list[Tensor]) -> None:
        """Update the parameters, and undo the update on the device if the gradients are bad."""
        moved = [*parameters, *(self._state(p, "momentum") for p in parameters)]
        before = [tensor.clone() for tensor in moved]
        self._muon(group, parameters)
        torch._foreach_copy_(
            moved, [torch.where(bad, b, now) for b, now in zip(before, moved, strict=True)]
        )

    def _muon(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        """Update the parameters; matrices of the same shape are orthogonalised in one batch."""
        lr = group["lr"]
        if group["weight_decay"]:
            torch._foreach_mul_(parameters, 1 - lr * group["weight_decay"])
        alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for parameter in parameters:
            alike[parameter.flatten(1).shape].append(parameter)
        for (rows, columns), members in alike.items():
            gradients = [p.grad for p in members if p.grad is not None]
            momenta = [self._state(p, "momentum") for p in members]
            torch._foreach_lerp_(momenta, gradients, 1 - _MOMENTUM)
            looked_ahead = torch._foreach_lerp(gradients, momenta, _MOMENTUM)
            # For a sharded matrix every rank computes the whole update and applies its own rows.
            stacked = torch.stack([full(update).flatten(1) for update in looked_ahead])
            updates = orthogonalised(stacked).mul_(-lr * math.sqrt(max(1.0, rows / columns)))
            moves = [own_rows(u.view(p.shape), p) for u, p in zip(updates, members, strict=True)]
            torch._foreach_add_([local(p) for p in members], moves)

    def _adamw(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        adamw(
            parameters,
            [p.grad for p in parameters if p.grad is not None],
            [self._state(p, "exp_avg") for p in parameters],
            [self._state(p, "exp_avg_sq") for p in parameters],
            [],
            [self._count(p) for p in parameters],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=_EPS,
            maximize=False,
            found_inf=self.found_inf,
        )

    def _state(self, parameter: Tensor, name: str) -> Tensor:
        state = self.state[parameter]
        if name not in state:
            state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        found: Tensor = state[name]
        return found

    def _count(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "step" not in state:
            state["step"] = torch.zeros((), device=parameter.device)
        found: Tensor = state["step"]
        return found


def orthogonalised(matrices: Tensor) -> Tensor:
    """The approximate nearest semi-orthogonal matrices: singular values in about [0.7, 1.2].

    Args:
        matrices: (B, rows, columns) float32.

    Returns:
        The same shape; computed in bfloat16 on CUDA, which is precise enough here.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    if x.is_cuda:
        x = x.bfloat16()
    x = x / (torch.linalg.matrix_norm(x, dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ROUNDS):
        square = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=_B, alpha=_C), x, beta=_A)
    return (x.transpose(1, 2) if tall else x).to(matrices.dtype)
