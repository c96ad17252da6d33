"""Reads a UNet2DModel of diffusers as a U-Net of genctl; diffusers itself is not needed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from annotated_types import Ge, Gt, Lt, MinLen

from genctl import documents
from genctl.errors import ExitStatus, GenctlError
from genctl.weights import load_tensors

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = "diffusion_pytorch_model.safetensors"

DOCUMENT = "diffusers.json"
"""The file that genctl adds to the folder; its name differs from that in genctl's own export."""

_FIXED = {
    "center_input_sample": (False,),
    "time_embedding_type": ("positional",),
    "time_embedding_dim": (None,),
    "freq_shift": (0,),
    "flip_sin_to_cos": (True,),
    "mid_block_type": ("UNetMidBlock2D",),
    "mid_block_scale_factor": (1,),
    "downsample_padding": (1,),
    "downsample_type": ("conv",),
    "upsample_type": ("conv",),
    "act_fn": ("silu", "swish"),
    "norm_eps": (1e-5,),
    "resnet_time_scale_shift": ("default", "scale_shift"),
    "class_embed_type": (None,),
}
"""Argument of UNet2DModel -> the values that genctl's network supports, the default first."""

_Count = Annotated[int, Gt(0)]


@dataclass(frozen=True)
class _Network:
    """The arguments of UNet2DModel that choose the network, with their defaults there."""

    in_channels: _Count = 3
    out_channels: _Count = 3
    layers_per_block: _Count = 2
    block_out_channels: Annotated[tuple[_Count, ...], MinLen(1)] = (224, 448, 672, 896)
    down_block_types: tuple[str, ...] = ("DownBlock2D", *["AttnDownBlock2D"] * 3)
    up_block_types: tuple[str, ...] = (*["AttnUpBlock2D"] * 3, "UpBlock2D")
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    norm_num_groups: _Count = 32
    attn_norm_num_groups: _Count | None = None
    attention_head_dim: _Count | None = 8
    resnet_time_scale_shift: str = "default"
    add_attention: bool = True
    num_class_embeds: Annotated[int, Ge(0)] | None = None
    sample_size: _Count | tuple[_Count, _Count] | None = None


@dataclass(frozen=True)
class _Images:
    """What genctl's own export adds: the images, which the network sees in squares of pixels."""

    shape: tuple[_Count, _Count, _Count]
    unshuffle: _Count


_Part = TypeVar("_Part", _Network, _Images)


def is_unet(path: Path) -> bool:
    """Whether ``path`` may be a folder of diffusers, as opposed to a run or an export of genctl."""
    if any((path / name).is_file() for name in ("resolved.json", "genctl.json")):
        return False
    return (path / "unet" / "config.json").is_file() or (path / "config.json").is_file()


def read_unet(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The network in a folder of diffusers: a UNet2DModel, or a pipeline with one in ``unet/``.

    If its class embedding has no row for "no class" (only genctl's own exports have one), the mean
    of the other rows is added as one.

    Returns:
        The arguments of `genctl.families.diffusion.networks.unet.UNet`, and its weights by name.

    Raises:
        GenctlError: (DATA) no such folder, damaged, or a network that genctl does not support.
    """
    folder = path / "unet" if (path / "unet").is_dir() else path
    config = _read(folder / "config.json")
    if config.get("_class_name") != "UNet2DModel":
        raise _refused(path, f"it holds {config.get('_class_name') or 'no class name'}")
    for name, allowed in _FIXED.items():
        value = config.get(name, allowed[0])
        if value not in allowed:
            raise _refused(path, f"its {name} is {value!r}, not {allowed[0]!r}")
    if not (folder / WEIGHTS).is_file():
        raise GenctlError(
            ExitStatus.DATA,
            f"no {WEIGHTS} in {folder}",
            hint="save the model again with save_pretrained(..., safe_serialization=True)",
        )
    weights = load_tensors(folder / WEIGHTS)
    network = _build(path, _Network, config, folder / "config.json")
    images = _images(path) if (path / DOCUMENT).is_file() else None
    return _arguments(path, network, images), _with_no_class(weights, own=images is not None)


def _images(path: Path) -> _Images:
    document = _read(path / DOCUMENT)
    return _build(path, _Images, document.get("images"), path / DOCUMENT)


def _build(path: Path, cls: type[_Part], found: Any, file: Path) -> _Part:
    """The fields of ``cls`` among those of a document."""
    known = found if isinstance(found, dict) else {}
    try:
        return documents.build(cls, {f.name: known[f.name] for f in fields(cls) if f.name in known})
    except ValueError as error:
        raise _refused(path, f"{file.name} is damaged: {error}") from None


def _arguments(path: Path, network: _Network, images: _Images | None) -> dict[str, Any]:
    channels = network.block_out_channels
    width = channels[0]
    if network.in_channels != network.out_channels:
        raise _refused(path, "its output has other channels than its input")
    if any(count % width for count in channels):
        raise _refused(path, f"its channels {list(channels)} are not multiples of the first")
    scales = network.resnet_time_scale_shift == "scale_shift"
    norms = _middle_norms(network, scales)
    if network.add_attention and norms != network.norm_num_groups:
        raise _refused(path, f"its attn_norm_num_groups is {norms}, unlike its norm_num_groups")
    if network.attention_head_dim is None:  # diffusers then makes one head of all channels
        raise _refused(path, "its attention has one head at every level (attention_head_dim)")
    classes = network.num_class_embeds or 0
    return {
        "shape": images.shape if images else (network.in_channels, *_sides(path, network)),
        "num_classes": max(0, classes - 1) if images else classes,
        "width": width,
        "multiples": tuple(count // width for count in channels),
        "depth": network.layers_per_block,
        "attention": _attention(path, network),
        "unshuffle": images.unshuffle if images else 1,
        "dropout": network.dropout,
        "middle_attention": network.add_attention,
        "groups": network.norm_num_groups,
        "head_dim": network.attention_head_dim,
        "scales": scales,
    }


def _middle_norms(network: _Network, scales: bool) -> int | None:
    """Groups of the norm before the middle attention, as UNet2DModel chooses them."""
    given = network.attn_norm_num_groups
    return network.norm_num_groups if given is None and not scales else given


def _sides(path: Path, network: _Network) -> tuple[int, int]:
    size = network.sample_size
    if size is None:
        raise _refused(path, "it does not say how large its images are (sample_size)")
    return (size, size) if isinstance(size, int) else size


def _attention(path: Path, network: _Network) -> tuple[bool, ...]:
    down, up = network.down_block_types, network.up_block_types
    attention = tuple(kind == "AttnDownBlock2D" for kind in down)
    expected_down = tuple("AttnDownBlock2D" if a else "DownBlock2D" for a in attention)
    expected_up = tuple("AttnUpBlock2D" if a else "UpBlock2D" for a in attention[::-1])
    if down != expected_down or up != expected_up or len(down) != len(network.block_out_channels):
        raise _refused(path, f"its blocks are {', '.join(down + up)}")
    return attention


def _with_no_class(weights: dict[str, Tensor], *, own: bool) -> dict[str, Tensor]:
    import torch

    table = weights.get("class_embedding.weight")
    if table is None or own:
        return weights
    return weights | {"class_embedding.weight": torch.cat([table, table.mean(0, keepdim=True)])}


def _read(file: Path) -> dict[str, Any]:
    try:
        found = documents.parse(file.read_bytes())
    except FileNotFoundError:
        raise GenctlError(ExitStatus.DATA, f"no {file.name} in {file.parent}") from None
    except (OSError, ValueError) as error:
        raise GenctlError(ExitStatus.DATA, f"{file} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise GenctlError(ExitStatus.DATA, f"{file} is not a JSON object")
    return found


def _refused(path: Path, reason: str) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"cannot continue from {path}: {reason}",
        hint="supported: UNet2DModel with DownBlock2D/AttnDownBlock2D blocks",
        option="init",
    )
