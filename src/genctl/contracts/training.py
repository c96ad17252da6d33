"""The interfaces of training: phases, losses, optimizers and averages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from genctl.config import TrainConfig
    from genctl.contracts.data import Batch, DataSpec
    from genctl.contracts.sampling import Noise


class Step(Protocol):
    """What the engine passes to an objective about the current step; read-only.

    Attributes:
        index: number of the step, from 0.
        position: number of examples that training had read before it.
        fraction: share of the budget that is spent, in [0, 1].
        second_order: whether the phase takes input gradients in this step.
        noise: keyed noise with the same rows as the batch.
    """

    @property
    def index(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def fraction(self) -> float: ...
    @property
    def second_order(self) -> bool: ...
    @property
    def noise(self) -> Noise: ...

    def fp32(self) -> AbstractContextManager[None]:
        """Full precision inside the block, whatever autocast does outside."""
        ...

    def gather(self, x: Tensor) -> Tensor:
        """The rows of ``x`` of every rank, differentiable; ``x`` itself on one rank."""
        ...

    def input_gradient(self, y: Tensor, x: Tensor) -> Tensor:
        """The gradient of ``y.sum()`` by ``x``: differentiable, float32, without loss scale."""
        ...


class Loss(NamedTuple):
    """The sum of a loss over a batch, and what to divide it by.

    The engine divides the gradient of a whole step by the sum of its weights, so the result does
    not depend on micro-batches or ranks.

    Attributes:
        total: float32 scalar, the sum over rows or tokens.
        weight: the number of these rows or tokens.
        metrics: detached sums to log, divided by the same weight.
    """

    total: Tensor
    weight: Tensor | float
    metrics: Mapping[str, Tensor]


@dataclass(frozen=True)
class Phase:
    """One part of a training step: a loss and the optimizers that minimise it.

    Attributes:
        name: the name that is passed to `Objective.loss`.
        optimizers: the optimizers whose parameters, and no others, require gradients here.
        every: the phase runs in each step whose index is a multiple of this.
        repeat: how often the phase runs in such a step, each time on different examples.
        advances: whether the budget counts its examples; true for exactly one phase.
        separable: whether a batch may be cut into micro-batches.
        second_order: every k-th step takes input gradients; 0: never.
        coupled: whether the loss of an example depends on the others of its step, as a contrastive
            loss does. `Objective.loss` then gets the outputs of all micro-batches instead of the
            batch, so that the micro-batch size does not change the result. Such a phase needs a
            `CoupledObjective`.

    Raises:
        ValueError: a coupled phase takes input gradients, which would stop at the outputs.
    """

    name: str
    optimizers: tuple[str, ...]
    every: int = 1
    repeat: int = 1
    advances: bool = True
    separable: bool = True
    second_order: int = 0
    coupled: bool = False

    def __post_init__(self) -> None:
        if self.coupled and self.second_order:
            raise ValueError(f"the coupled phase {self.name!r} cannot take input gradients")


@dataclass(frozen=True)
class Schedule:
    """A trapezoid over the run: rise, hold, fall.

    Attributes:
        warmup: first share of the budget, over which the factor rises.
        decay: last share of the budget, over which the factor falls.
        final: the factor at the end.
        warmup_steps: minimum number of steps over which the factor rises. Adam, whose second
            moments start at zero, needs 2 / (1 - beta2) steps (Ma & Yarats 2019,
            arXiv 1910.04209).
    """

    warmup: float = 0.0
    decay: float = 0.0
    final: float = 0.0
    warmup_steps: int = 0

    def __call__(self, fraction: float, index: int) -> float:
        """The factor of step ``index`` (from 0) at ``fraction`` of the budget."""
        return min(self._of_budget(fraction), (index + 1) / max(self.warmup_steps, 1))

    def _of_budget(self, fraction: float) -> float:
        if fraction < self.warmup:
            return fraction / self.warmup
        if self.decay and fraction > 1 - self.decay:
            return max(self.final + (1 - self.final) * (1 - fraction) / self.decay, self.final)
        return 1.0


_OUTER = ("*embed*", "*head*")


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimizer and the parameters it owns.

    Attributes:
        kind: ``adam``, ``adamw`` (decoupled decay), ``sgd`` or ``muon`` (Muon for hidden matrices,
            AdamW for everything else).
        lr: learning rate at the top of the schedule.
        betas: decay rates of the averages of gradients and of their squares; ``sgd``
            uses the first as momentum, ``muon`` both for its AdamW.
        schedule: the factor of the learning rate over the run.
        select: shell patterns of ``module.parameter`` names; two optimizers cannot share a
            parameter.
        exclude: patterns of parameters that are removed from ``select``.
        weight_decay: weight decay of parameters with two or more dimensions.
        decay_falls: whether weight decay falls to zero over the run.
        adamw_lr: with ``muon``, the learning rate of the AdamW parameters.
        adamw: with ``muon``, patterns of the matrices that AdamW updates: embeddings and heads.
    """

    kind: str
    select: tuple[str, ...]
    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    exclude: tuple[str, ...] = ()
    schedule: Schedule = Schedule()
    decay_falls: bool = False
    adamw_lr: float = 3e-3
    adamw: tuple[str, ...] = _OUTER

    def owns_some_of(self, role: str) -> bool:
        """Whether a pattern of `select` matches parameters of the module ``role``."""
        return any(fnmatchcase(role, pattern.partition(".")[0]) for pattern in self.select)

    @classmethod
    def of(cls, train: TrainConfig, *select: str, adamw: tuple[str, ...] = _OUTER) -> Self:
        """The optimizer that the ``train`` section describes, for what ``select`` matches."""
        return cls(
            kind=train.optimizer,
            select=select,
            lr=train.lr,
            betas=(train.beta1, train.beta2),
            weight_decay=train.weight_decay,
            schedule=Schedule(train.warmup, train.decay, train.final_lr, train.warmup_steps),
            decay_falls=train.decay_falls,
            adamw_lr=train.adamw_lr,
            adamw=adamw,
        )


@dataclass(frozen=True)
class EmaSpec:
    """An exponential moving average of a module's weights.

    Attributes:
        name: the name that selects it as ``weights`` of samples and scores.
        halflife: the half-life in examples.
        warmup: the half-life is at most this share of the examples seen so far, so that the
            average forgets the start early in a run (Karras et al. 2020, StyleGAN2-ADA).
    """

    name: str
    halflife: float
    warmup: float = 0.05


@dataclass(frozen=True)
class Monitor:
    """What "best" means.

    Attributes:
        metric: the name of an evaluated number.
        lower_is_better: whether lower numbers are better.
        samples: number of samples, or windows of held-out text, that it is measured on in training.
    """

    metric: str
    lower_is_better: bool = True
    samples: int = 1000


class Objective(Protocol):
    """The interface of training a family; built as ``(config, data_spec, parents)``.

    Attributes:
        modules: everything that is trained; all other state is a buffer of these modules.
        frozen: modules that are used but not trained, such as a teacher.
        optimizers: name -> spec.
        ema: name of a module -> the averages kept of it.
        phases: run in this order in each step; exactly one advances.
        monitor: how checkpoints are compared, or None.
        notes: values derived from the configuration, one per line, shown when training begins.
    """

    modules: Mapping[str, nn.Module]
    frozen: Mapping[str, nn.Module]
    optimizers: Mapping[str, OptimizerSpec]
    ema: Mapping[str, tuple[EmaSpec, ...]]
    phases: tuple[Phase, ...]
    monitor: Monitor | None
    notes: tuple[str, ...]

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        """The loss of ``phase`` on a micro-batch; if coupled, on the outputs of a whole step."""
        ...


@runtime_checkable
class CoupledObjective(Objective, Protocol):
    """An objective with a coupled phase: outputs of examples, and one loss over all of them.

    The engine follows GradCache (Gao et al. 2021, arXiv 2101.06983): it computes the outputs of
    each micro-batch without a graph, calls `Objective.loss` once with the outputs of all of them,
    and computes each micro-batch again with a graph, through which it backpropagates the gradients
    of the outputs. Memory holds the graph of one micro-batch and the outputs of all. A batch that
    fits one micro-batch takes a single pass.

    In a process group of several ranks `Objective.loss` gets the outputs of its own rank's share,
    which has the same size on every rank. `Step.gather` (all-gather, with an all-reduce backward)
    returns the outputs of all ranks. The loss compares its own rows with the rows of all ranks, and
    returns the sum over its own rows with their number as the weight. The engine sums the gradients
    of all ranks, which gives those of the whole batch.

    `Objective.loss` may use its own parameters, such as a temperature. If weights are sharded,
    these must be scalars, which stay whole, or be used by calling the module that has them. Towers
    that are called separately must be separate entries of `Objective.modules`.
    """

    def outputs(self, phase: str, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """The outputs for a micro-batch that the loss of the coupled ``phase`` needs.

        A micro-batch may be computed twice in a step and must give the same numbers. Dropout and
        ``step.noise`` do, but running statistics that the first pass updates do not.

        Returns:
            Name -> (B, ...), with row i for example i: float32 if gradients are needed; integers,
            such as labels, are passed to the loss unchanged.
        """
        ...


@dataclass(frozen=True)
class Trained:
    """A trained model in memory, for exporters, samplers and runs that use it as a parent.

    Attributes:
        family: the registered name.
        config: the resolved configuration.
        data: the data it was trained on.
        modules: role -> module in eval mode, without gradients.
        assets: the files that ``data.assets`` names -> their content.
    """

    family: str
    config: Any
    data: DataSpec
    modules: Mapping[str, nn.Module]
    assets: Mapping[str, bytes] = field(default_factory=dict)


INIT = "init"
"""The role of a parent that only provides the initial weights; a run keeps no copy of it."""


Parents = Mapping[str, Trained]
