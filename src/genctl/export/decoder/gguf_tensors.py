"""A decoder's weights in GGUF: other names, other types, and for Llama another order."""

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
    """A tensor in the file.

    Attributes:
        name: its Hugging Face name; gguf_name is its GGUF name.
        data: its bytes as an array, quantised according to `type`.
        type: a ``gguf.GGMLQuantizationType``.
    """

    name: str
    gguf_name: str
    data: np.ndarray
    type: Any


def architecture(plan: DecoderPlan) -> str:
    """The name of the architecture in GGUF."""
    return "qwen3" if plan.qk_norm else "llama"


def tensors(plan: DecoderPlan, quantization: str) -> Iterator[Stored]:
    """The weights of ``plan``, one at a time, so that memory never holds two copies of all.

    Matrices are f16. With ``q8_0`` they are blocks of 32 numbers with a scale, if their rows divide
    into such blocks. Vectors stay float32, which llama.cpp requires.
    """
    from gguf.quants import quantize

    for name, tensor in weights(plan).items():
        array = _reordered(plan, name, tensor).numpy()
        kind = _type_of(array, quantization)
        with np.errstate(over="ignore"):  # the proof refuses numbers that are not finite
            data = quantize(np.ascontiguousarray(array), kind)
        yield Stored(name, gguf_name(name), data, kind)


def restored(plan: DecoderPlan, name: str, data: np.ndarray, kind: Any) -> Tensor:
    """The weight with the Hugging Face name ``name``, from a tensor of the file, float32."""
    from gguf.quants import dequantize

    array = dequantize(data, kind).astype(np.float32)
    return _original(plan, name, torch.from_numpy(array))


def gguf_name(name: str) -> str:
    """The GGUF name of the parameter with the Hugging Face name ``name``."""
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
    """The number of heads by which the rows of ``name`` are reordered; 0 if they are not.

    Hugging Face rotates component i of a head with component i + D / 2. llama.cpp does the same for
    Qwen3, but rotates component 2 i with 2 i + 1 for Llama.
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
