"""Language models without torch: options, presets and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from genctl.config import option
from genctl.decoding.request import TextRequest
from genctl.registry import Spec


@dataclass(frozen=True)
class LmConfig:
    """Options of the decoder and of its training."""

    size: str = option(
        "", "parameters of the blocks (500k, 10M, 85M); sets shape and learning rates"
    )
    width: Annotated[int, Ge(8)] = option(128, "width of the residual stream")
    depth: Annotated[int, Ge(1)] = option(4, "number of blocks")
    heads: Annotated[int, Ge(1)] = option(2, "attention heads; twice this must divide the width")
    kv_heads: Annotated[int, Ge(0)] = option(0, "key and value heads (GQA); 0: same as heads")
    hidden: Annotated[int, Ge(0)] = option(0, "width of the feed-forward layer; 0: 8/3 width")
    rope_theta: Annotated[float, Gt(1)] = option(10_000.0, "base of the rotary embedding (RoPE)")
    qk_norm: bool = option(True, "normalize queries and keys (export as Qwen3; off: Llama)")
    tied: bool = option(False, "share the weights of embedding and output head")
    dropout: Annotated[float, Ge(0), Lt(1)] = option(0.0, "dropout probability")
    dropout_from: Annotated[float, Ge(0)] = option(0.0, "epoch at which dropout starts")
    short_context: Annotated[int, Ge(0)] = option(
        0, "context length at the start of training; 0: full context throughout"
    )
    short_share: Annotated[float, Ge(0), Le(1)] = option(0.4, "share of the run with short context")


SPEC = Spec(
    api=2,
    name="lm",
    summary="Transformer decoder for text; exports to transformers and llama.cpp",
    config=LmConfig,
    request=TextRequest,
    reads={"tokens": "tokens"},
    makes="tokens",
    data="text",
    parents={"init": "a run with the same shape and tokenizer to start training from"},
    common=(
        *("model.size", "data.context", "data.tokenizer", "train.batch_size", "train.lr"),
        *("max_new_tokens", "temperature", "top_k", "top_p", "min_p", "stop"),
    ),
    gpu_preset="small-gpu",
    presets={
        "tiny-cpu": {
            "model.width": 96,
            "model.depth": 4,
            "model.heads": 2,
            "model.dropout": 0.15,
            "model.dropout_from": 2.0,
            "model.short_context": 64,
            "train.budget": "180s",
            "train.batch_size": 4,
            "train.optimizer": "muon",
            "train.lr": 0.02,
            "train.adamw_lr": 0.02,
            "train.beta1": 0.9,
            "train.beta2": 0.95,
            "train.warmup": 0.1,
            "train.decay": 1.0,
            "train.evaluations": 1,
            "train.ema_halflife": 0,
        },
        "small-gpu": {
            "model.width": 384,
            "model.depth": 6,
            "model.heads": 6,
            "model.hidden": 1024,
            "model.dropout": 0.2,
            "train.budget": "1750steps",
            "train.batch_size": 64,
            "train.optimizer": "muon",
            "train.lr": 0.02,
            "train.adamw_lr": 5e-3,
            "train.beta1": 0.9,
            "train.beta2": 0.95,
            "train.weight_decay": 0.4,
            "train.decay_falls": True,
            "train.warmup": 0.03,
            "train.decay": 0.65,
            "train.compile": True,
            "train.evaluations": 8,
            "train.ema_halflife": 1500,
        },
        "base-124m": {
            "data.context": 1024,
            "data.vocab_size": 32_768,
            "model.width": 768,
            "model.depth": 12,
            "model.heads": 12,
            "model.hidden": 2048,
            "train.budget": "2.5Gtokens",
            "train.batch_size": 480,
            "train.micro_batch": 16,
            "train.optimizer": "muon",
            "train.lr": 0.02,
            "train.adamw_lr": 3e-3,
            "train.beta1": 0.9,
            "train.beta2": 0.95,
            "train.weight_decay": 0.1,
            "train.decay_falls": True,
            "train.clip": 1.0,
            "train.warmup": 0.01,
            "train.decay": 0.6,
            "train.compile": True,
            "train.ema_halflife": 0,
        },
    },
    targets={
        "derive": "genctl.families.lm.sizes:derive",
        "objective": "genctl.families.lm.objective:LmObjective",
        "sampler": "genctl.families.lm.sampler:LmGenerator",
        "exporter.onnx": "genctl.families.lm.exporter:plan_onnx",
        "exporter.hf": "genctl.families.lm.exporter:plan_decoder",
        "exporter.gguf": "genctl.families.lm.exporter:plan_decoder",
    },
)
