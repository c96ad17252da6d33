"""Shell completion of options, without importing heavy packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import typer

from genctl import registry, runs
from genctl.cli.context import FAMILY_ARG

# The modules that define these names import torch; a test compares both lists.
EXTRACTORS = ("inception", "digits", "rand", "px", "digits-monitor", "rand-monitor")
WEIGHTS = ("best", "ema", "raw")
EVAL_PRECISIONS = ("auto", "fp32", "bf16")
PROTOCOLS = ("tf", "pytorch-fid", "clean", "torchmetrics")
LOGGERS = ("tensorboard", "wandb")


def metrics() -> list[tuple[str, str]]:
    """Every metric with its summary."""
    named = [(name, spec.summary) for spec in registry.METRICS.all() for name in spec.names]
    return [*named, (registry.ALL, "all that can be computed")]


def families() -> Iterator[tuple[str, str]]:
    """Every family with its summary."""
    return ((spec.name, spec.summary) for spec in registry.specs())


def presets(ctx: typer.Context) -> list[str]:
    """The presets of the family on the command line."""
    named = ctx.meta.get(FAMILY_ARG)
    return [preset for spec in registry.specs() if spec.name == named for preset in spec.presets]


def sources(ctx: typer.Context) -> list[str]:
    """The built-in data sets of the family on the command line; without one, of all families."""
    named = ctx.meta.get(FAMILY_ARG)
    kinds = registry.kinds_for(registry.get(named), {}) if named else registry.DATA_KINDS.all()
    return [name for kind in kinds for name in kind.named()]


def run_names() -> list[str]:
    """Runs under the root, the latest first."""
    return [run.name for run in runs.all_runs()]


def formats() -> list[str]:
    """The export formats of all families."""
    return sorted({registry.BUNDLE}.union(*(spec.exports() for spec in registry.specs())))


def one_of(*choices: str) -> Callable[[], tuple[str, ...]]:
    """The completion of an option that takes one of ``choices``."""
    return lambda: choices
