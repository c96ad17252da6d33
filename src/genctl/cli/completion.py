"""What the shell may complete an option with, found without loading anything heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import typer

from genctl import registry, runs
from genctl.cli.command import FAMILY_ARG

# The rooms that these belong to load torch; a test holds both sides equal.
EXTRACTORS = ("inception", "digits", "rand", "px", "digits-monitor", "rand-monitor")
PROTOCOLS = ("tf", "pytorch-fid", "clean", "torchmetrics")
PRECISIONS = ("exact", "fast")
LOGGERS = ("tensorboard", "wandb")
AMP = ("auto", "off", "bf16", "fp16")


def metrics() -> list[tuple[str, str]]:
    """Every metric with its summary."""
    named = [(name, spec.summary) for spec in registry.METRICS.all() for name in spec.names]
    return [*named, (registry.ALL, "all that can be computed")]


def families() -> Iterator[tuple[str, str]]:
    """Every family with its summary."""
    return ((spec.name, spec.summary) for spec in registry.specs())


def presets(ctx: typer.Context) -> list[str]:
    """The presets of the family that was typed."""
    named = ctx.meta.get(FAMILY_ARG)
    return [preset for spec in registry.specs() if spec.name == named for preset in spec.presets]


def sources(ctx: typer.Context) -> list[str]:
    """The data sets that are built in for the family that was typed; of all without one."""
    named = ctx.meta.get(FAMILY_ARG)
    kinds = registry.kinds_for(registry.get(named), {}) if named else registry.DATA_KINDS.all()
    return [name for kind in kinds for name in kind.named()]


def run_names() -> list[str]:
    """Runs under the root, the latest first."""
    return [run.name for run in runs.all_runs()]


def formats() -> list[str]:
    """Every format that some family can be exported to."""
    return sorted({"safetensors"}.union(*(spec.exports() for spec in registry.specs())))


def one_of(*choices: str) -> Callable[[], tuple[str, ...]]:
    """Completion of an option that takes one of ``choices``."""
    return lambda: choices
