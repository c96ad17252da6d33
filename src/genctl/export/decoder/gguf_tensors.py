"""A decoder's weights as GGUF has them: other names, other types, and for Llama another order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genctl.contracts import DecoderPlan
from genctl.export.decoder.folder import weights

QUANTIZATIONS = ("f16", "q8_0")
Q8_0_BLOCK = 32

_WHOLE = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}
_IN_BLOCK = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@dataclass(frozen=True)
class Stored:
    """A tensor as it lies in the file.

    Attributes:
        name: in Hugging Face's words; gguf_name in GGUF's.
        data: its bytes as an array, quantised where `type` says so.
        type: a ``gguf.GGMLQuantizationType``.
    """

    name: str
    gguf_name: str
    data: np.ndarray
    type: Any


def architecture(plan: DecoderPlan) -> str:
    """What GGUF calls the network."""
    return "qwen3" if plan.qk_norm else "llama"


def tensors(plan: DecoderPlan, quantization: str) -> Iterator[Stored]:
    """The weights of ``plan``, one at a time, so that they are never all there twice.

    Matrices are f16, or with ``q8_0`` blocks of 32 numbers with a scale where rows divide into
    them; vectors stay float32, as llama.cpp wants them.
    """
    from gguf.quants import quantize

    for name, tensor in weights(plan).items():
        array = _reordered(plan, name, tensor).numpy()
        kind = _type_of(array, quantization)
        with np.errstate(over="ignore"):  # the proof refuses what is not finite
            data = quantize(np.ascontiguousarray(array), kind)
        yield Stored(name, gguf_name(name), data, kind)


def restored(plan: DecoderPlan, name: str, data: np.ndarray, kind: Any) -> Tensor:
    """The weight that Hugging Face calls ``name``, from a tensor of the file, float32."""
    from gguf.quants import dequantize

    array = dequantize(data, kind).astype(np.float32)
    return _original(plan, name, torch.from_numpy(array))


def gguf_name(name: str) -> str:
    """What GGUF calls the parameter that Hugging Face calls ``name``."""
    stem, _, suffix = name.rpartition(".")
    if match := re.fullmatch(r"model\.layers\.(\d+)\.(.+)", stem):
        return f"blk.{match[1]}.{_IN_BLOCK[match[2]]}.{suffix}"
    return f"{_WHOLE[stem]}.{suffix}"


def _type_of(array: np.ndarray, quantization: str) -> Any:
    from gguf import GGMLQuantizationType as Kind

    if array.ndim < 2:
        return Kind.F32
    if quantization == "q8_0" and array.shape[-1] % Q8_0_BLOCK == 0:
        return Kind.Q8_0
    return Kind.F16


def _heads(plan: DecoderPlan, name: str) -> int:
    """How many heads the rows of ``name`` are reordered by; 0: they are not.

    Hugging Face rotates component i of a head with component i + D / 2; llama.cpp, for Llama but
    not for Qwen3, 2 i with 2 i + 1.
    """
    if plan.qk_norm:
        return 0
    return {"q_proj": plan.heads, "k_proj": plan.kv_heads}.get(name.split(".")[-2], 0)


def _reordered(plan: DecoderPlan, name: str, tensor: Tensor) -> Tensor:
    if not (heads := _heads(plan, name)):
        return tensor
    halves = tensor.reshape(heads, 2, -1, tensor.shape[1])
    return halves.transpose(1, 2).reshape(tensor.shape)


def _original(plan: DecoderPlan, name: str, tensor: Tensor) -> Tensor:
    if not (heads := _heads(plan, name)):
        return tensor
    pairs = tensor.reshape(heads, -1, 2, tensor.shape[1])
    return pairs.transpose(1, 2).reshape(tensor.shape)
