"""Builds the network from the options."""

from __future__ import annotations

import math

from torch import nn

from genctl.contracts import DataSpec
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.families.diffusion.networks.dit import DiT
from genctl.families.diffusion.networks.unet import UNet
from genctl.families.diffusion.spec import DiffusionConfig


def build_network(options: DiffusionConfig, data: DataSpec) -> nn.Module:
    """A `UNet` or `DiT` for the images of ``data``, initialised from torch's random generator.

    Raises:
        GenctlError: (USAGE) options that fit no network.
    """
    channels, height, width = data.features["image"].shape
    shape = (channels, height, width)
    if options.network == "dit":
        _require_multiple(options, math.lcm(4, options.heads))
        return DiT(
            shape,
            data.num_classes,
            width=options.width,
            depth=options.depth,
            heads=options.heads,
            patch=options.patch,
            dropout=options.dropout,
        )
    _require_multiple(options, 2)
    multiples = _numbers(options.multiples, "multiples", "1,2")
    return UNet(
        shape,
        data.num_classes,
        width=options.width,
        multiples=multiples,
        depth=options.depth,
        attention=_attention(options.attention, len(multiples)),
        unshuffle=options.patch,
        dropout=options.dropout,
        scales=options.condition == "scale",
    )


def _attention(text: str, levels: int) -> tuple[bool, ...]:
    chosen = _numbers(text, "attention", str(levels)) if text.strip() else ()
    if beyond := [level for level in chosen if level > levels]:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('model.attention', text)} names level {beyond[0]}, and there are {levels}",
            option="model.attention",
            suggest=str(levels),
        )
    return tuple(level in chosen for level in range(1, levels + 1))


def _numbers(text: str, name: str, example: str) -> tuple[int, ...]:
    """Whole numbers from 1 up, separated by commas."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt(f'model.{name}', text)} is not a list of whole numbers from 1 up, such as "
            f"{example}",
            option=f"model.{name}",
            suggest=example,
        )
    return tuple(map(int, parts))


def _require_multiple(options: DiffusionConfig, step: int) -> None:
    """Sines and cosines, rows and columns, and heads share the width evenly."""
    if options.width % step:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('model.width', options.width)} is not a multiple of {step}, which this "
            f"{options.network} needs",
            option="model.width",
            suggest=-(-options.width // step) * step,
        )
