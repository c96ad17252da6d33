"""Gradients of a loss whose examples depend on each other, in the memory of one micro-batch.

GradCache (Gao et al. 2021, arXiv 2101.06983). The state of random generators need not be kept: the
caller seeds them by the positions of a micro-batch, so that its second pass repeats the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from genctl.contracts import Batch, CoupledObjective, Loss, Objective

Outputs = Callable[[Batch], Mapping[str, Tensor]]


def outputs_of(objective: Objective, phase: str) -> CoupledObjective:
    """The objective as a `CoupledObjective`.

    Raises:
        ValueError: it is not one, although ``phase`` is coupled.
    """
    if not isinstance(objective, CoupledObjective):
        raise ValueError(
            f"the phase {phase!r} is coupled, and {type(objective).__name__} has no method "
            "outputs(phase, batch, step)"
        )
    return objective


def backward_coupled(
    parts: Sequence[Batch],
    outputs: Outputs,
    loss: Callable[[Batch], Loss],
    backward: Callable[[Tensor], None],
) -> Loss:
    """Add the gradients of one loss over all micro-batches to the parameters.

    Args:
        parts: the micro-batches, in order.
        outputs: computes the outputs of a micro-batch, rows first; the same numbers each time.
        loss: computes the loss from the outputs of all micro-batches.
        backward: computes the gradients of a loss, with the loss scale of the engine.

    Raises:
        ValueError: the outputs of a micro-batch do not have one row per example.
    """
    if len(parts) == 1:
        found = loss(Batch(_rows(outputs, parts[0]), parts[0].positions))
        backward(found.total)
        return found
    with torch.no_grad():
        each = [_rows(outputs, part) for part in parts]
    whole = {name: torch.cat([rows[name] for rows in each]) for name in each[0]}
    del each
    for tensor in whole.values():
        tensor.requires_grad_(tensor.is_floating_point())
    found = loss(Batch(whole, [position for part in parts for position in part.positions]))
    backward(found.total)
    found = found._replace(total=found.total.detach())  # its graph is no longer needed
    gradients = {name: tensor.grad for name, tensor in whole.items() if tensor.grad is not None}
    start = 0
    for part in parts:
        stop = start + len(part.positions)
        own = {name: gradient[start:stop] for name, gradient in gradients.items()}
        _backward_part(_rows(outputs, part), own)
        start = stop
    return found


def _backward_part(rows: Mapping[str, Tensor], gradients: Mapping[str, Tensor]) -> None:
    """Backpropagate the gradients of a micro-batch's outputs to the parameters."""
    names = [name for name in gradients if rows[name].requires_grad]
    if names:
        torch.autograd.backward([rows[name] for name in names], [gradients[name] for name in names])


def _rows(outputs: Outputs, part: Batch) -> dict[str, Tensor]:
    """The outputs of a micro-batch, in float32 or higher precision."""
    found = dict(outputs(part))
    for name, tensor in found.items():
        if tensor.ndim == 0 or len(tensor) != len(part.positions):
            raise ValueError(
                f"the output {name!r} has the shape {tuple(tensor.shape)}, "
                f"but its micro-batch has {len(part.positions)} examples"
            )
        if tensor.dtype in (torch.bfloat16, torch.float16):
            found[name] = tensor.float()
    return found
