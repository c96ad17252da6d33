"""One training step: phases, gradients, optimizers, EMA copies."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from genctl.contracts import Batch, Dataset, Objective, Phase
from genctl.engine.optim.compiling import compile_blocks, eager_copy, recompute_blocks
from genctl.engine.optim.ema import RAW, Ema
from genctl.engine.optim.optimizers import Optimizers, set_found_inf, supports_found_inf
from genctl.engine.optim.precision import Precision
from genctl.engine.parallel.agreement import agree_on_gradients
from genctl.engine.parallel.commands import Command, CommandKind
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.parallel.sharding import (
    full,
    is_sharded,
    load_full,
    local,
    shard,
    shardable_roles,
)
from genctl.engine.training.checkpoint import Snapshot
from genctl.engine.training.context import StepState
from genctl.engine.training.gradients import PhaseGradients
from genctl.engine.training.reports import PhaseReport, summed
from genctl.engine.training.settings import RunSettings
from genctl.weights import flatten, load_into


class Trainer:
    """An objective under training.

    Args:
        objective: the objective to train; its modules are moved to the settings' device.
        dataset: the data to train on.
        settings: the settings of the run.
        world: the process group; only this process when None.
        warn: called with warnings for the user.
    """

    def __init__(
        self,
        objective: Objective,
        dataset: Dataset,
        settings: RunSettings,
        world: ProcessGroup | None = None,
        warn: Callable[[str], object] = str,
    ) -> None:
        self.world = world or ProcessGroup()
        self.device = torch.device(settings.device)
        self.objective = objective
        for module in (*objective.modules.values(), *objective.frozen.values()):
            module.to(self.device)
        for module in objective.frozen.values():
            module.eval().requires_grad_(False)
        self.precision = Precision(settings.precision, self.device)
        self.ema = Ema(objective.modules, objective.ema)
        if settings.recompute:
            recompute_blocks(objective)
        if settings.compile:
            compile_blocks(objective)
        self._sharded = settings.shard and self.world.size > 1
        self._unsharded = self._shard() if self._sharded else {}
        self.optimizers = Optimizers(objective.modules, objective.optimizers)
        self.index = 0
        self.position = 0
        self.attempt = 0
        self.rate_scale = 1.0
        self._dataset = dataset
        self._stream: Iterator[Batch] | None = None
        self._repeats = _repeats(objective.phases)
        self.on_settings_changed: Callable[[RunSettings], object] = lambda _: None
        """Called with the new settings: smaller micro-batches, or no longer compiled."""
        self.gradients = PhaseGradients(
            objective,
            settings,
            self.precision,
            self.world,
            warn=warn,
            on_settings_changed=lambda changed: self.on_settings_changed(changed),
        )
        self.nonblocking_checks = self.device.type == "cuda"
        """Whether bad gradients are handled on the device, so that the CPU need not wait for it."""

    @property
    def settings(self) -> RunSettings:
        """The given settings; later with smaller micro-batches, or without compiling."""
        return self.gradients.settings

    @property
    def examples_per_step(self) -> int:
        """The number of examples that a step takes from the stream."""
        return self._repeats * self.settings.batch_size

    def step(self, fraction: float) -> dict[str, PhaseReport]:
        """Run every phase that is due at ``fraction`` of the budget, then update the EMA copies."""
        self.world.send_command(Command(CommandKind.STEP, fraction=fraction))
        self.optimizers.set_rates(fraction, self.index, self.rate_scale)
        batches = self._next_batches()
        reports: dict[str, PhaseReport] = {}
        with self.world.detecting_lost_ranks():
            for phase in self.objective.phases:
                if self.index % phase.every == 0:
                    repeats = [self._run(phase, b, fraction) for b in batches[: phase.repeat]]
                    reports[phase.name] = functools.reduce(PhaseReport.merged, repeats)
        self.index += 1
        self.position += self.examples_per_step
        self.ema.update(self.examples_per_step, self.position)
        return reports

    def averages(self) -> Mapping[str, dict[str, nn.Module]]:
        """Modules for previews and scores: every EMA copy, or a copy called ``raw``."""
        live = self.ema.copies or {RAW: dict(self.objective.modules)}
        if not self._sharded:
            return self.ema.copies or {RAW: {role: eager_copy(m) for role, m in live[RAW].items()}}
        groups = self._gathered(everything=not self.ema.copies)
        found: dict[str, dict[str, nn.Module]] = {}
        for name, roles in live.items():
            copies = {role: copy.deepcopy(self._unsharded[role]).to(self.device) for role in roles}
            load_into(copies, groups["model" if name == RAW else f"ema.{name}"])
            found[name] = copies
        return found

    def _shard(self) -> dict[str, nn.Module]:
        """Shard modules and EMA copies; rank 0 gets unsharded copies on the CPU, to be filled."""
        self.world.join_torch()
        modules = self.objective.modules
        unsharded = (
            {role: eager_copy(m).cpu() for role, m in modules.items()} if self.world.is_main else {}
        )
        chosen = shardable_roles(self.objective)
        averages = [roles[r] for roles in self.ema.copies.values() for r in chosen & roles.keys()]
        shard(
            [*(modules[role] for role in sorted(chosen)), *averages], self.device, self.world.size
        )
        return unsharded

    def full_tensors(self, *, everything: bool) -> dict[str, dict[str, Tensor]]:
        """Gather sharded tensors on all ranks: EMA copies, or also weights and moments."""
        groups = {f"ema.{name}": flatten(roles) for name, roles in self.ema.copies.items()}
        if everything:
            moments = {f"optimizer.{n}": s for n, s in self.optimizers.state().items()}
            groups = {"model": flatten(self.objective.modules), **groups, **moments}
        with self.world.detecting_lost_ranks():
            return {
                group: {name: full(tensor) for name, tensor in tensors.items()}
                for group, tensors in groups.items()
            }

    def _gathered(self, *, everything: bool) -> dict[str, dict[str, Tensor]]:
        """`full_tensors`, in which the other ranks take part if something is sharded."""
        if self._sharded:
            self.world.send_command(Command(CommandKind.COLLECT, everything=everything))
        return self.full_tensors(everything=everything)

    def snapshot(self, elapsed: float) -> Snapshot:
        """Everything that `restore` needs."""
        return Snapshot(
            index=self.index,
            position=self.position,
            elapsed=elapsed,
            attempt=self.attempt,
            rate_scale=self.rate_scale,
            scaler=self.precision.scaler.state_dict(),
            tensors=self._gathered(everything=True),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Resume from ``snapshot``, which the other ranks read from its checkpoint.

        This returns after all ranks have read it, so that the checkpoint may then be replaced.
        """
        self.world.send_command(
            Command(
                CommandKind.RELOAD,
                index=snapshot.index,
                attempt=snapshot.attempt,
                rate_scale=snapshot.rate_scale,
            )
        )
        load_full(flatten(self.objective.modules), snapshot.tensors["model"])
        for name, roles in self.ema.copies.items():
            load_full(flatten(roles), snapshot.tensors[f"ema.{name}"])
        self.optimizers.load_state(
            {n: snapshot.tensors[f"optimizer.{n}"] for n in self.objective.optimizers}
        )
        if snapshot.scaler:
            self.precision.scaler.load_state_dict(dict(snapshot.scaler))
        self.index, self.position = snapshot.index, snapshot.position
        self.attempt, self.rate_scale = snapshot.attempt, snapshot.rate_scale
        self._stream = None
        self.world.barrier()

    def _next_batches(self) -> list[Batch]:
        if self._stream is None:
            self._stream = self._dataset.stream(
                self.position,
                self.settings.batch_size,
                seed=self.settings.seed,
                rank=self.world.rank,
                world=self.world.size,
            )
        return [next(self._stream) for _ in range(self._repeats)]

    def _run(self, phase: Phase, batch: Batch, fraction: float) -> PhaseReport:
        active = {
            name: parameter
            for optimizer in phase.optimizers
            for name, parameter in self.optimizers.parameters[optimizer].items()
        }
        self._require_gradients(active.keys())
        state = StepState(self.index, self.position, fraction, self.attempt)
        losses = self.gradients.add(phase, batch, state, list(active.values()))
        weight = torch.stack([torch.as_tensor(loss.weight).float() for loss in losses]).sum()
        report = self._update(phase, weight.to(self.device), summed(losses))
        for parameter in active.values():
            parameter.grad = None
        return report

    def _update(self, phase: Phase, weight: Tensor, metrics: dict[str, Tensor]) -> PhaseReport:
        scaler = self.precision.scaler
        parameters = [
            parameter
            for name in phase.optimizers
            for parameter in self.optimizers.parameters[name].values()
        ]
        agree_on_gradients(self.world, parameters, metrics)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if not gradients:
            raise ValueError(f"no parameter of the phase {phase.name!r} got a gradient")
        # Gradients of sharded parameters are already sums over all ranks.
        whole = [gradient for gradient in gradients if not is_sharded(gradient)]
        self.world.all_reduce_sum([*whole, weight, *metrics.values()])
        for name in phase.optimizers:
            scaler.unscale_(self.optimizers[name])
        torch._foreach_div_([local(gradient) for gradient in gradients], weight)
        norm = self._norm(gradients)
        finite = norm.isfinite()
        if self.settings.clip:
            factor = (self.settings.clip / norm).clamp(max=1.0)
            torch._foreach_mul_([local(gradient) for gradient in gradients], factor)
        for name in phase.optimizers:
            self._move(self.optimizers[name], finite)
        scaler.update()
        return PhaseReport(metrics, weight, norm, finite)

    def _norm(self, gradients: list[Tensor]) -> Tensor:
        """The norm of all gradients as one vector, sharded or not."""
        norm = torch.nn.utils.get_total_norm([g for g in gradients if not is_sharded(g)])
        parts = [local(g) for g in gradients if is_sharded(g)]
        if not parts:
            return norm
        square = torch.nn.utils.get_total_norm(parts).square().to(self.device)
        self.world.all_reduce_sum([square])
        return (norm.to(self.device).square() + square).sqrt()

    def _move(self, optimizer: torch.optim.Optimizer, finite: Tensor) -> None:
        """Step an optimizer, unless the gradients are bad, which must not reach the weights."""
        scaler = self.precision.scaler
        if self.nonblocking_checks and supports_found_inf(optimizer):
            set_found_inf(optimizer, ~finite)
        elif not scaler.is_enabled() and not finite:
            return
        scaler.step(optimizer)

    def _require_gradients(self, active: object) -> None:
        for parameters in self.optimizers.parameters.values():
            for name, parameter in parameters.items():
                parameter.requires_grad_(name in active)  # type: ignore[operator]


def _repeats(phases: tuple[Phase, ...]) -> int:
    """The number of batches in a step: the repeats of its one advancing phase."""
    advancing = [phase for phase in phases if phase.advances]
    if len(advancing) != 1 or advancing[0].every != 1:
        raise ValueError("exactly one phase must advance, in every step")
    if any(phase.repeat > advancing[0].repeat for phase in phases):
        raise ValueError("the phase that advances must be the one that repeats most")
    return advancing[0].repeat
