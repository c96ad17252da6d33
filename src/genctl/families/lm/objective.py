"""The training objective of a language model: the next token, at every position of a window."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from genctl.config import Config
from genctl.contracts import (
    INIT,
    TOKENIZER,
    Batch,
    DataSpec,
    EmaSpec,
    Loss,
    Monitor,
    OptimizerSpec,
    Parents,
    Phase,
    Step,
    Trained,
)
from genctl.errors import ExitStatus, GenctlError, Suggestion, opt
from genctl.families.lm.network import Decoder, DecoderShape
from genctl.families.lm.sizes import hidden_for
from genctl.nn.init_from import init_from, require_same_options

SCORED_TOKENS = 65_536
"""The largest part of held-out text for a score in training; the metric ``bpb`` reads all."""


class LmObjective:
    """A decoder, trained with cross-entropy.

    Two settings may change during training. Windows may be short at first, which costs less
    attention and gives more first tokens (a curriculum of lengths: Li et al. 2022,
    arXiv 2108.06084). Dropout may start at a later epoch, because text in its first epoch cannot be
    memorised yet.
    """

    def __init__(self, config: Config, data: DataSpec, parents: Parents) -> None:
        self.options = config.model
        self._windows = data.examples
        shape = shape_of(config, data)
        decoder = Decoder(shape)
        if INIT in parents:
            _begin_with(decoder, data, parents[INIT])
        self.modules: dict[str, nn.Module] = {"model": decoder}
        self.frozen: dict[str, nn.Module] = {}
        self.optimizers = {"model": OptimizerSpec.of(config.train, "model.*")}
        halflife = config.train.ema_halflife
        self.ema = {"model": (EmaSpec("ema", halflife),)} if halflife else {}
        self.phases = (Phase("train", ("model",)),)
        self.monitor = Monitor("bpb", samples=max(1, SCORED_TOKENS // shape.context))
        self._short = _short_context(self.options.short_context, shape.context)
        self.notes: tuple[str, ...] = (_described(config, shape),)
        if self._short == 0 and 0 < self.options.short_context < shape.context:
            self.notes += (
                f"full context throughout: short_context {self.options.short_context} does not "
                f"divide the context of {shape.context}",
            )

    def loss(self, phase: str, batch: Batch, step: Step) -> Loss:
        """The sum of the nats of the next tokens in ``tokens: (B, context + 1)``, by token."""
        tokens = batch["tokens"]
        inputs, targets = self._cut(tokens[:, :-1], step), self._cut(tokens[:, 1:], step)
        logits: Tensor = self.modules["model"](inputs, self._dropout(step))
        nats = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="sum")
        return Loss(nats, targets.numel(), {"loss": nats.detach()})

    def _cut(self, tokens: Tensor, step: Step) -> Tensor:
        """The windows; early in a run, cut into more rows of fewer tokens."""
        if not self._short or step.fraction >= self.options.short_share:
            return tokens
        return tokens.reshape(-1, self._short)

    def _dropout(self, step: Step) -> float:
        begun = step.position >= self.options.dropout_from * self._windows
        return float(self.options.dropout) if begun else 0.0


def _short_context(wanted: int, context: int) -> int:
    """The context at the start of training; 0 where windows cannot be cut into parts of it."""
    return wanted if wanted and context % wanted == 0 else 0


def shape_of(config: Config, data: DataSpec) -> DecoderShape:
    """The decoder's shape.

    Raises:
        GenctlError: heads that do not divide the width, or groups that do not divide the heads.
    """
    options, tokens = config.model, data.features["tokens"]
    kv_heads = options.kv_heads or options.heads
    pair = 2 * options.heads
    if options.width % pair:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('model.width', options.width)} is not a multiple of {pair}, twice "
            f"{opt('model.heads', options.heads)}",
            option="model.width",
            suggest=pair * max(1, options.width // pair),
        )
    if options.heads % kv_heads:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('model.kv_heads', kv_heads)} does not divide "
            f"{opt('model.heads', options.heads)}",
            option="model.kv_heads",
            suggest=1,
        )
    return DecoderShape(
        vocab_size=tokens.size,
        context=tokens.shape[0],
        width=options.width,
        depth=options.depth,
        heads=options.heads,
        kv_heads=kv_heads,
        head_dim=options.width // options.heads,
        hidden=options.hidden or hidden_for(options.width),
        rope_theta=options.rope_theta,
        qk_norm=options.qk_norm,
        tied=options.tied,
    )


def _described(config: Config, shape: DecoderShape) -> str:
    derived = f"size {config.model.size}: " if config.model.size else ""
    return (
        f"{derived}width {shape.width}, depth {shape.depth}, {shape.heads} heads of "
        f"{shape.head_dim}, hidden {shape.hidden}, context {shape.context}, "
        f"{shape.vocab_size} tokens; {config.train.optimizer} lr {config.train.lr:g}"
        + (f", adamw lr {config.train.adamw_lr:g}" if config.train.optimizer == "muon" else "")
    )


def _begin_with(decoder: Decoder, data: DataSpec, parent: Trained) -> None:
    """Copy the weights of an earlier run, whose tokens must mean the same."""
    here, there = data.features["tokens"], parent.data.features["tokens"]
    if not _same_meaning(data, parent.data):
        raise GenctlError(
            ExitStatus.DATA,
            f"the run of {opt('init')} has another tokenizer: {there.size} tokens of "
            f"{parent.data.name}, not the {here.size} of {data.name}",
            option="data.tokenizer",
            suggest=Suggestion(
                "",
                {"data.tokenizer": f"RUN/{there.asset or TOKENIZER}"},
                "is the tokenizer of the earlier run",
            ),
        )
    source = parent.modules["model"]
    assert isinstance(source, Decoder)
    require_same_options(decoder.shape, source.shape, free=("context", "rope_theta"))
    init_from(decoder, source)


def _same_meaning(own: DataSpec, given: DataSpec) -> bool:
    """Whether a token stands for the same in both: by the tokenizers, or the kinds without any."""
    here, there = own.features["tokens"], given.features["tokens"]
    if not here.asset and not there.asset:
        return (own.kind, here.size) == (given.kind, there.size)
    tokenizer = own.assets.get(here.asset)
    return tokenizer is not None and tokenizer == given.assets.get(there.asset)
