"""What families, data, the engine, evaluation and export promise each other.

Nothing here does work: these are the types at the seams. A family implements `Objective`,
`Sampler` and exporters; the engine implements `Step` and `Noise`; the data room implements
`Dataset`. All of it is public, and versioned by ``genctl.registry.SPEC_API``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from genctl import documents

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from genctl.config import TrainConfig


class Batch(dict[str, "Tensor"]):
    """Examples by key (``image, text, tokens, label, target``), rows first, and their positions.

    Args:
        data: key -> tensor of shape (B, ...).
        positions: the place of each example in the endless stream that training reads.
    """

    def __init__(self, data: Mapping[str, Tensor], positions: Sequence[int]) -> None:
        super().__init__(data)
        self.positions = positions

    def rows(self, start: int, stop: int) -> Batch:
        """The examples from ``start`` up to ``stop``."""
        part = {key: tensor[start:stop] for key, tensor in self.items()}
        return Batch(part, self.positions[start:stop])

    def to(self, device: torch.device) -> Batch:
        """The same examples on ``device``."""
        moved = {key: tensor.to(device, non_blocking=True) for key, tensor in self.items()}
        return Batch(moved, self.positions)


@dataclass(frozen=True)
class DataSpec:
    """What sampling, scoring and exporting need to know of the data; plain JSON.

    Attributes:
        source: what ``--data`` said.
        name: a short name of it that suits a file.
        unit: what is counted: ``img``, ``tok`` or ``pair``.
        shape: of one example: (C, H, W) of images, (T,) of token windows.
        examples: how many there are.
        fingerprint: sha256 of the content.
        class_names: of the labels; empty without labels.
        statistics: measured numbers, e.g. ``sigma_data``.
        artefacts: files in the run that belong to the data, such as its tokenizer -> their sha256.
        extractor: the feature extractor that was made for this data, if one was.
        vocab_size: how many tokens there are; 0 where nothing is tokens.
        end: the token that ends a document; None without one.
    """

    source: str
    name: str
    unit: str
    shape: tuple[int, ...]
    examples: int
    fingerprint: str
    class_names: tuple[str, ...] = ()
    statistics: Mapping[str, float] = field(default_factory=dict)
    artefacts: Mapping[str, str] = field(default_factory=dict)
    extractor: str = ""
    vocab_size: int = 0
    end: int | None = None

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def units_per_example(self) -> int:
        """How many of `unit` one example is: the length of a window of tokens, else 1."""
        return self.shape[0] if self.unit == "tok" else 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            ValueError: it is something else.
        """
        return documents.build(cls, data)


class Dataset(Protocol):
    """An endless, seekable stream of examples.

    Attributes:
        spec: what is known of it.
        artefacts: the files that ``spec.artefacts`` names -> their content.
    """

    spec: DataSpec
    artefacts: Mapping[str, bytes]

    def stream(
        self, position: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Batches from ``position`` on; rank r of w gets its own contiguous share of each.

        The example at a position depends on ``seed`` and the position alone.
        """
        ...


class Noise(Protocol):
    """Keyed randomness: row i of a draw depends on the seed, ``stream`` and ``indices[i]`` alone.

    Each draw of a step or a sample needs a stream name of its own; the same name gives the same
    numbers again.
    """

    @property
    def indices(self) -> Sequence[int]:
        """Positions of training examples, or numbers of samples: one a row."""
        ...

    def normal(self, stream: str, *shape: int) -> Tensor:
        """Standard normal numbers, (rows, *shape) float32."""
        ...

    def uniform(self, stream: str, *shape: int) -> Tensor:
        """Numbers uniform in [0, 1), (rows, *shape) float32."""
        ...

    def integers(self, stream: str, high: int, *shape: int) -> Tensor:
        """Whole numbers uniform in [0, high), (rows, *shape) int64."""
        ...


class Step(Protocol):
    """What the engine tells an objective about the step under way; read-only.

    Attributes:
        index: number of the step, from 0.
        position: number of examples that training had read before it.
        fraction: share of the budget that is spent, in [0, 1].
        second_order: whether the phase takes input gradients in this step.
        noise: randomness whose rows follow the batch.
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
        """The gradient of ``y.sum()`` by ``x``, differentiable, float32, loss scale undone."""
        ...


class Loss(NamedTuple):
    """The sum of a loss over a batch, and what to divide it by.

    The engine divides the gradient of a whole step by the sum of its weights, so the result does
    not depend on micro-batches or ranks.

    Attributes:
        total: float32 scalar, the sum over rows or tokens.
        weight: how many rows or tokens that was.
        metrics: detached sums to log, divided by the same weight.
    """

    total: Tensor
    weight: Tensor | float
    metrics: Mapping[str, Tensor]


@dataclass(frozen=True)
class Phase:
    """One part of a training step: a loss and the optimizers that follow it.

    Attributes:
        name: given to `Objective.loss`.
        optimizers: whose parameters, and no others, require gradients in this phase.
        every: the phase runs in each step whose index it divides.
        repeat: how often it runs in such a step, each time on examples of its own.
        advances: whether its examples are the ones that the budget counts; true of one phase.
        separable: whether a batch may be cut into micro-batches.
        second_order: every k-th step takes input gradients; 0: never.
    """

    name: str
    optimizers: tuple[str, ...]
    every: int = 1
    repeat: int = 1
    advances: bool = True
    separable: bool = True
    second_order: int = 0


@dataclass(frozen=True)
class Schedule:
    """A trapezoid over the run: rise, hold, fall.

    Attributes:
        warmup: share of the budget in which the factor rises.
        decay: share of it in which the factor falls, last.
        final: the factor at the end.
        warmup_steps: steps in which the factor rises, should ``warmup`` be over sooner. Adam, whose
            second moments begin with nothing, wants 2 / (1 - beta2) of them (Ma & Yarats 2019,
            arXiv 1910.04209).
    """

    warmup: float = 0.0
    decay: float = 0.0
    final: float = 0.0
    warmup_steps: int = 0

    def __call__(self, fraction: float, index: int) -> float:
        """The factor of step ``index``, the first being 0, at ``fraction`` of the budget."""
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
        select: shell patterns over ``module.parameter`` names; no two optimizers share one.
        exclude: patterns taken out of ``select``.
        weight_decay: applied to parameters of two or more dimensions.
        decay_falls: whether weight decay falls to zero over the run.
        adamw_lr: with ``muon``, the rate of what AdamW moves.
        adamw: with ``muon``, patterns of the matrices that AdamW moves: embeddings and heads.
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
        """Whether a pattern of `select` means parameters of the module ``role``."""
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
        name: how ``--weights`` calls it.
        halflife: in examples.
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
        lower_is_better: whether less of it is better.
        samples: how many samples, or windows of held-out text, it is measured on in training.
    """

    metric: str
    lower_is_better: bool = True
    samples: int = 1000


class Objective(Protocol):
    """What training a family means; built as ``(config, data_spec, parents)``.

    Attributes:
        modules: everything that is trained; all other state is a buffer in here.
        frozen: modules that are used but not trained, such as a teacher.
        optimizers: name -> spec.
        ema: name of a module -> the averages kept of it.
        phases: run in this order in each step; exactly one advances.
        monitor: how checkpoints are compared, or None.
        notes: what was derived from the configuration, a line each, shown when training begins.
    """

    modules: Mapping[str, nn.Module]
    frozen: Mapping[str, nn.Module]
    optimizers: Mapping[str, OptimizerSpec]
    ema: Mapping[str, tuple[EmaSpec, ...]]
    phases: tuple[Phase, ...]
    monitor: Monitor | None
    notes: tuple[str, ...]

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        """The loss of ``phase`` on a micro-batch."""
        ...


class Sampler(Protocol):
    """What sampling a family means; built as ``(config, data_spec, modules, parents)``.

    ``modules`` are the trained ones, or callables with the same signature (an ONNX session).

    Attributes:
        conditions: the keys of a condition that it follows; others are refused.
    """

    conditions: frozenset[str]

    def sample(self, request: Any, condition: Batch, noise: Noise) -> Tensor:
        """One chunk of samples, rows following ``noise.indices``.

        Args:
            request: the family's request dataclass.
            condition: what each row is to be, e.g. ``label``: (B,) int64, or is made from, such as
                ``image``: (B, C, H, W) in [-1, 1] and ``mask``: (B, 1, H, W), 1 where it is to be
                made anew; may be empty.

        Returns:
            Of images: (B, C, H, W) float in about [-1, 1]; of tokens: (B, T) int64.
        """
        ...


class Reader(Protocol):
    """A model that reads tokens and tells what may come next: what `genctl.decoding` writes with.

    A reader holds one batch at a time. Its rows may differ in length and do not see each other.

    Attributes:
        context: the most tokens that a row may hold.
    """

    context: int

    def begin(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Forget everything, read these rows of 1 to ``context`` tokens.

        Returns:
            The logits of the token after each row, (B, vocabulary) float32.
        """
        ...

    def advance(self, tokens: Tensor) -> Tensor:
        """Read one more token a row, (B,) int64; no row may hold ``context`` tokens already.

        Returns:
            The logits of the token after each row, (B, vocabulary) float32.
        """
        ...


class Writer(Protocol):
    """What sampling means for a family whose output is ``text``; built like a `Sampler`.

    Attributes:
        conditions: as of a `Sampler`; prompts are followed by all writers.
    """

    conditions: frozenset[str]

    @property
    def reader(self) -> Reader: ...


@dataclass(frozen=True)
class DecoderPlan:
    """A decoder to write in the formats of language models (Hugging Face, GGUF).

    Attributes:
        module: ``(B, T) int64`` tokens to ``(B, T, vocabulary)`` logits, in eval mode; its
            parameters are named and shaped as those of Hugging Face's ``LlamaForCausalLM``, or of
            ``Qwen3ForCausalLM`` where ``qk_norm`` is set.
        vocab_size, width, depth, heads, kv_heads, head_dim, hidden, context: of the network; hidden
            is the width inside the feed-forward layer.
        rope_theta: base of the rotary embedding's wavelengths.
        norm_eps: of the root-mean-square norms.
        qk_norm: whether queries and keys are normed by head.
        tied: whether the embedding is the output head.
        end: the token that ends a document; None without one.
        artefacts: the tokenizer's files, as in `Trained.artefacts`.
    """

    module: nn.Module
    vocab_size: int
    width: int
    depth: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    context: int
    rope_theta: float
    norm_eps: float
    qk_norm: bool
    tied: bool
    end: int | None
    artefacts: Mapping[str, bytes]


@dataclass(frozen=True)
class ExportPlan:
    """A module to write in a foreign graph format, and how to call it.

    Attributes:
        role: the key in ``modules`` that the file can stand in for.
        module: the module, in eval mode.
        example: batch size -> the positional inputs; the first axis of each is the batch, and
            lengths that are free should differ from call to call.
        inputs: names of the inputs.
        outputs: names of the outputs.
        free: name of an input or output -> axis -> name of a length that may vary, such as
            ``{"tokens": {1: "length"}}``; the first axis always may.
    """

    role: str
    module: nn.Module
    example: Callable[[int], tuple[Tensor, ...]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    free: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """A trained model in memory, as exporters, samplers of other runs and parents see it.

    Attributes:
        family: registered name.
        config: the resolved configuration.
        data: the data it was trained on.
        modules: role -> module in eval mode, without gradients.
        artefacts: the files that ``data.artefacts`` names -> their content.
    """

    family: str
    config: Any
    data: DataSpec
    modules: Mapping[str, nn.Module]
    artefacts: Mapping[str, bytes] = field(default_factory=dict)


TOKENIZER = "tokenizer/tokenizer.json"
"""The artefact that holds a tokenizer."""

INIT = "init"
"""The role of a parent that only gives the first weights: a run keeps no copy of it."""

Parents = Mapping[str, Trained]
Exporter = Callable[[Trained], ExportPlan]


@dataclass(frozen=True)
class DiffusersPlan:
    """A denoising U-Net to write as diffusers' ``UNet2DModel``, with the scheduler it goes with.

    Attributes:
        denoiser: ``(x, sigma, label)`` to clean images, in eval mode: what it all amounts to.
            x: (B, *shape), noise of standard deviation ``sigma: (B,)`` added; ``label: (B,)``
            int64, the number of classes for none, or None where there are no classes.
        network: the U-Net in it; its parameters are named and shaped as those of UNet2DModel.
        unet: arguments of UNet2DModel.
        scheduler: name of the scheduler's class.
        scheduler_config: its arguments.
        time_scale: the network's time for a timestep of 1 of the scheduler.
        shape: (C, H, W) of an image.
        padded: height and width to which images are padded, at the bottom and right, with zeros.
        unshuffle: side of the squares of pixels that become the channels UNet2DModel sees.
        guidance: how strongly samples follow their class unless asked otherwise.
    """

    denoiser: nn.Module
    network: nn.Module
    unet: Mapping[str, Any]
    scheduler: str
    scheduler_config: Mapping[str, Any]
    time_scale: float
    shape: tuple[int, int, int]
    padded: tuple[int, int]
    unshuffle: int
    guidance: float = 1.0

    @property
    def num_classes(self) -> int:
        """How many classes there are; UNet2DModel has one more, for none."""
        return (self.unet.get("num_class_embeds") or 1) - 1
