"""Exports a language model to foreign formats."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from genctl.contracts import DecoderPlan, ExportPlan, Trained
from genctl.families.lm.network import Decoder


def plan_decoder(model: Trained) -> DecoderPlan:
    """The decoder as Hugging Face's Llama or Qwen3, or as GGUF."""
    decoder = model.modules["model"]
    assert isinstance(decoder, Decoder)
    return DecoderPlan(
        module=decoder,
        **dataclasses.asdict(decoder.shape),
        end=model.data.features["tokens"].end,
        assets=model.assets,
    )


def plan_onnx(model: Trained) -> ExportPlan:
    """The decoder as one graph: ``tokens (B, T)`` to ``logits (B, T, vocabulary)``, both free."""
    decoder = model.modules["model"]
    assert isinstance(decoder, Decoder)
    shape = decoder.shape

    def example(batch: int) -> tuple[Tensor, ...]:
        length = min(shape.context, 3 + 5 * batch)
        generator = torch.Generator().manual_seed(batch)
        return (torch.randint(shape.vocab_size, (batch, length), generator=generator),)

    return ExportPlan(
        role="model",
        module=decoder,
        example=example,
        inputs=("tokens",),
        outputs=("logits",),
        free={"tokens": {1: "length"}, "logits": {1: "length"}},
    )
