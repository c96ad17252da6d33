"""Descriptions of a family's model with which its weights are written in other formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class ExportPlan:
    """A module to write in another graph format, and how to call it.

    Attributes:
        role: the key in ``modules`` of the module that the file can replace.
        module: the module, in eval mode.
        example: batch size -> the positional inputs; the first axis of each is the batch, and
            variable lengths should differ from call to call.
        inputs: names of the inputs.
        outputs: names of the outputs.
        free: name of an input or output -> axis -> name of a variable length, such as
            ``{"tokens": {1: "length"}}``; the first axis is always variable.
    """

    role: str
    module: nn.Module
    example: Callable[[int], tuple[Tensor, ...]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    free: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class DecoderPlan:
    """A decoder to write in the formats of language models (Hugging Face, GGUF).

    Attributes:
        module: ``(B, T) int64`` tokens to ``(B, T, vocabulary)`` logits, in eval mode; its
            parameters are named and shaped as those of Hugging Face's ``LlamaForCausalLM``, or of
            ``Qwen3ForCausalLM`` where ``qk_norm`` is set.
        vocab_size, width, depth, heads, kv_heads, head_dim, hidden, context: sizes of the network;
            hidden is the width inside the feed-forward layer.
        rope_theta: base of the rotary embedding's wavelengths.
        norm_eps: epsilon of the root-mean-square norms.
        qk_norm: whether queries and keys are normalised per head.
        tied: whether the embedding is also the output head.
        end: the token that ends a document; None without one.
        assets: the tokenizer's files, as in `Trained.assets`.
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
    assets: Mapping[str, bytes]


@dataclass(frozen=True)
class DiffusersPlan:
    """A denoising U-Net to write as diffusers' ``UNet2DModel``, together with its scheduler.

    Attributes:
        denoiser: the whole model, ``(x, sigma, label)`` to clean images, in eval mode.
            x: (B, *shape), with added noise of standard deviation ``sigma: (B,)``;
            ``label: (B,)`` int64, where the number of classes means no class, or None without
            classes.
        network: its U-Net; the parameters have the names and shapes of those of UNet2DModel.
        unet: arguments of UNet2DModel.
        scheduler: name of the scheduler's class.
        scheduler_config: its arguments.
        time_scale: the network's time for a timestep of 1 of the scheduler.
        shape: (C, H, W) of an image.
        padded: height and width to which images are padded with zeros, at the bottom and right.
        unshuffle: side of the squares of pixels that become the input channels of UNet2DModel.
        guidance: the default scale of classifier-free guidance.
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
        """The number of classes; UNet2DModel has one more, for no class."""
        return (self.unet.get("num_class_embeds") or 1) - 1
