"""The losses and gradients of a phase, micro-batch by micro-batch, in the available memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genctl.contracts import Batch, Loss, Objective, Phase
from genctl.engine.optim.compiling import could_not_compile, stay_eager
from genctl.engine.optim.precision import Precision
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.sampling.noise import TRAINING_BLOCK, KeyedNoise
from genctl.engine.training.context import StepContext, StepState, reseed
from genctl.engine.training.coupled import backward_coupled, outputs_of
from genctl.engine.training.settings import RunSettings, largest_divisor
from genctl.errors import ExitStatus, GenctlError, Suggestion, is_out_of_memory
from genctl.seeding import seed_of


class PhaseGradients:
    """Gradients of an objective's phases, as sums over the examples of this rank.

    Args:
        objective: the objective, whose modules are on the device of the settings.
        settings: the settings of the run.
        precision: autocast and loss scale.
        world: the process group.
        warn: called with warnings for the user.
        on_settings_changed: called with the new settings when memory has run out and micro-batches
            are halved, or when compiling has failed.

    Attributes:
        settings: the given settings, or the latest ones passed to `on_settings_changed`.

    Raises:
        ValueError: a phase is coupled, but the objective is not a `CoupledObjective`.
    """

    def __init__(
        self,
        objective: Objective,
        settings: RunSettings,
        precision: Precision,
        world: ProcessGroup,
        *,
        warn: Callable[[str], object],
        on_settings_changed: Callable[[RunSettings], object],
    ) -> None:
        self.settings = settings
        self._on_settings_changed = on_settings_changed
        self._objective = objective
        self._coupled = {
            phase.name: outputs_of(objective, phase.name)
            for phase in objective.phases
            if phase.coupled
        }
        self._device = torch.device(settings.device)
        self._precision = precision
        self._world = world
        self._warn = warn

    def add(
        self, phase: Phase, batch: Batch, state: StepState, active: Sequence[nn.Parameter]
    ) -> list[Loss]:
        """Add the gradients of a batch to ``active``, the parameters of the phase.

        If memory runs out or the compiler fails, the phase is tried again with smaller
        micro-batches or without the compiler.

        Returns:
            The detached losses, one per micro-batch or one for all of them.
        """
        while True:
            found, error = self._tried(phase, batch, state)
            if error is not None and self.settings.compile and could_not_compile(error):
                self._stop_compiling(error)  # before the ranks exchange anything: it may be alone
            elif self._lacks_memory(phase, error):
                self._halve(phase, error)
            elif error is not None:
                raise error
            else:
                return found
            del error  # it holds the tensors of the failed attempt
            for parameter in active:
                parameter.grad = None
            if self._device.type == "cuda":
                torch.cuda.empty_cache()

    def _tried(
        self, phase: Phase, batch: Batch, state: StepState
    ) -> tuple[list[Loss], RuntimeError | None]:
        """The losses of a phase, or the error that ended it."""
        try:
            return self._losses(phase, batch, state), None
        except RuntimeError as error:
            return [], error

    def _lacks_memory(self, phase: Phase, error: RuntimeError | None) -> bool:
        """Whether memory has run out; if the ranks can halve together, on any of them."""
        own = error is not None and is_out_of_memory(error)
        return self._world.on_any_rank(own) if self._can_halve(phase) else own

    def _can_halve(self, phase: Phase) -> bool:
        """Whether every rank can run the phase again; not if it waits for the others meanwhile."""
        return phase.separable and (self._world.size == 1 or not self.settings.shard)

    def _stop_compiling(self, error: RuntimeError) -> None:
        reason = str(error).strip().partition("\n")[0]
        self._warn(f"training continues without compiling, which failed: {reason}")
        for module in self._objective.modules.values():
            stay_eager(module)
        self._change(compile=False)

    def _halve(self, phase: Phase, error: RuntimeError | None) -> None:
        """Halve micro-batches, or raise the error of this rank or of another one."""
        size = self._smaller_micro_batch
        if size is None or not self._can_halve(phase):
            raise error or torch.OutOfMemoryError("another process is out of memory")
        self._warn(f"out of memory: micro-batches of {size} from now on, at the same batch size")
        self._change(micro_batch=size)

    def _change(self, **changed: Any) -> None:
        """Use other settings from now on, also after a resume."""
        self.settings = dataclasses.replace(self.settings, **changed)
        self._on_settings_changed(self.settings)

    def exhausted(self) -> GenctlError:
        """The error for memory that has run out, with settings that need less."""
        message = f"out of memory at micro-batches of {self.settings.micro_batch}"
        if smaller := self._smaller_micro_batch:
            changed: dict[str, Any] = {"train.micro_batch": smaller}
        elif not self.settings.recompute:
            changed = {"train.recompute": True}
        else:
            return GenctlError(ExitStatus.OUT_OF_MEMORY, message, hint="train a smaller model")
        return GenctlError(
            ExitStatus.OUT_OF_MEMORY,
            message,
            option=next(iter(changed)),
            suggest=Suggestion("", {"new": True, **changed}),
        )

    @property
    def _smaller_micro_batch(self) -> int | None:
        """At most half the size of a micro-batch, in equal parts of the batch; None below 1."""
        half = self._micro_size // 2
        return largest_divisor(self._share, half) if half else None

    @property
    def _share(self) -> int:
        return self.settings.batch_size // self._world.size

    @property
    def _micro_size(self) -> int:
        return min(self.settings.micro_batch, self._share)

    def _losses(self, phase: Phase, batch: Batch, state: StepState) -> list[Loss]:
        size = self._micro_size if phase.separable else self._share
        parts = [batch.rows(start, start + size) for start in range(0, self._share, size)]
        if phase.coupled:
            return [self._coupled_loss(phase, parts, state)]
        return [self._separate_loss(phase, part.to(self._device), state) for part in parts]

    def _separate_loss(self, phase: Phase, part: Batch, state: StepState) -> Loss:
        context = self._context(phase, part, state, "global")
        with self._precision.autocast():
            loss = self._objective.loss(phase.name, part, context)
        self._backward(loss.total)
        return loss._replace(total=loss.total.detach())

    def _coupled_loss(self, phase: Phase, parts: Sequence[Batch], state: StepState) -> Loss:
        objective = self._coupled[phase.name]

        def outputs(part: Batch) -> dict[str, Tensor]:
            context = self._context(phase, part, state, "global")
            with self._precision.autocast():
                return dict(objective.outputs(phase.name, part.to(self._device), context))

        def loss(rows: Batch) -> Loss:
            context = self._context(phase, rows, state, "coupled loss")
            with self._precision.autocast():
                return objective.loss(phase.name, rows, context)

        found = backward_coupled(parts, outputs, loss, self._backward)
        return found._replace(total=found.total.detach())

    def _backward(self, total: Tensor) -> None:
        self._precision.scaler.scale(total).backward()

    def _context(self, phase: Phase, part: Batch, state: StepState, purpose: str) -> StepContext:
        """The context for the objective; seeds the global generator, e.g. for dropout."""
        key = (self.settings.seed, state.attempt, phase.name)
        reseed(self._device, seed_of(*key, purpose, part.positions[0]))
        noise = KeyedNoise(
            key, part.positions, block=TRAINING_BLOCK, drawn_on=self._device, device=self._device
        )
        second_order = bool(phase.second_order) and state.index % phase.second_order == 0
        return StepContext(
            state.index,
            state.position,
            state.fraction,
            second_order,
            noise,
            self._precision,
            self._world,
        )
