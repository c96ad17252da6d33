"""``genctl train``: trains a model of a family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genctl import registry
from genctl.cli import completion, options
from genctl.cli.context import Context, common_options
from genctl.cli.family_options import FamilyOptions
from genctl.cli.local_launch import local_processes
from genctl.cli.options import Device, Log, Precision, Preset, Sets, Threads
from genctl.cli.typer_ext import MORE, FamilyCommand, parameters_of
from genctl.cli.views.next_steps import show_finished
from genctl.cli.views.presets import common_keys, preset_rows
from genctl.errors import ExitStatus, GenctlError
from genctl.registry import Spec

if TYPE_CHECKING:
    from genctl.config import OptionInfo


class TrainCommand(FamilyCommand):
    """``train FAMILY`` takes every key of the family's configuration as a long option."""

    def family_options(self, args: Sequence[str], *, strict: bool) -> FamilyOptions:
        spec = _spec(args, self.positionals(args), strict=strict)
        return FamilyOptions() if spec is None else _options_of(spec)


def _options_of(spec: Spec) -> FamilyOptions:
    """The keys of a family as options."""
    from genctl.config import ARGUMENTS
    from genctl.config import options as keys

    panels: dict[str, list[OptionInfo]] = {}
    for info in keys(spec):
        if info.key not in ARGUMENTS:
            section = info.key.partition(".")[0]
            panels.setdefault(f"Options of {spec.name}, {section}", []).append(info)
    return FamilyOptions(
        subject=spec.name,
        panels=panels,
        title=f"Options of {spec.name}",
        common=[key for key in common_keys(spec) if not key.startswith("sample.")],
        sections={f"Presets of {spec.name}": preset_rows(spec)},
    )


def flags_of(spec: Spec) -> dict[str, str]:
    """Key -> the option of ``train`` that sets it."""
    from genctl.config import ARGUMENTS

    own = [*parameters_of(train), *parameters_of(common_options)]
    taken = {"--help", *(name for parameter in own for name in parameter.opts)}
    return _options_of(spec).names(taken) | {key: f"--{name}" for key, name in ARGUMENTS.items()}


def _spec(args: Sequence[str], words: Sequence[str], *, strict: bool) -> Spec | None:
    """The family among ``words``, in which options of the family may come first."""
    if strict and words and words[0] == args[0]:
        return registry.get(words[0])
    known = {spec.name: spec for spec in registry.specs()} if words else {}
    return next((known[word] for word in words if word in known), None)


def train(
    ctx: typer.Context,
    family: Annotated[
        str,
        typer.Argument(
            metavar="FAMILY",
            help="What to train: see genctl models.",
            autocompletion=completion.families,
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="Data set (genctl data ls), folder or file.",
            metavar="SOURCE",
            autocompletion=completion.sources,
        ),
    ] = None,
    preset: Preset = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="AMOUNT",
            help="When to stop: 20steps, 250k (examples), 5m, 2h.",
        ),
    ] = None,
    sets: Sets = None,
    out: Annotated[Path | None, options.out("the run. Default: runs/NAME", "DIR")] = None,
    new: Annotated[
        bool,
        typer.Option("--new", help="Start a new run instead of resuming.", rich_help_panel=MORE),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate time and memory, then exit.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Read settings from a TOML or JSON file.",
            rich_help_panel=MORE,
        ),
    ] = None,
    seed: Annotated[int | None, options.seed(MORE)] = None,
    eval_every: Annotated[
        str | None,
        typer.Option(
            "--eval-every",
            metavar="AMOUNT",
            help="Evaluate this often to pick the best checkpoint: 10%, or an amount in the "
            "unit of the budget.",
            rich_help_panel=MORE,
        ),
    ] = None,
    download: Annotated[
        bool,
        typer.Option(
            "--download",
            help="Download a named data set if missing (genctl data ls).",
            rich_help_panel=MORE,
        ),
    ] = False,
    precision: Precision = None,
    log: Log = None,
    nproc: Annotated[
        int | None,
        typer.Option(
            "--nproc",
            metavar="N",
            help="Number of processes, one per GPU.",
            min=1,
            rich_help_panel=MORE,
        ),
    ] = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Train a model, or resume an unfinished run of the same settings and data.

    Every key of a family's configuration is an option too: `genctl train FAMILY --help`

    Notes:
        Budgets are 20steps, 250k or 1.5M examples, 10Mtokens, 3epochs, 110s, 5m or 2h. Time counts
        from the start of the command to its end.

        A later source of a setting overrides an earlier one: default, preset, file, environment,
        `--set`, option. `genctl info RUN` shows where each value came from. `--set
        sample.KEY=VALUE` sets a sampling option of the run's samples, previews and scores.

        The same command resumes an interrupted run. With `--nproc` the processes train one model.
        With `--shard` they also split its weights and optimizer state. For several machines use
        torchrun, as in examples/cluster/train.slurm.

        JSON: run, last, best, next; with `--dry-run` the plan.
    """
    call: Context = ctx.obj
    wanted: dict[str, Any] = {
        "data": data,
        "preset": preset,
        "config": config,
        "sets": sets or (),
        "options": call.options,
        "budget": budget,
        "seed": seed,
        "out": out,
        "new": new,
        "precision": precision,
        "device": device,
        "threads": threads,
        "log": log or (),
        "eval_every": eval_every,
        "download": download,
    }
    if dry_run:
        if nproc is not None:
            raise GenctlError(
                ExitStatus.USAGE, "--dry-run probes one process", hint="leave --nproc out"
            )
        from genctl.api.training.dry_run import dry_run as probe
        from genctl.api.training.request import TrainRequest

        found = probe(TrainRequest(family, **wanted), call.output)
        call.output.result(found.to_json(), str(found))
        return
    with local_processes(nproc, threads=threads, device=device) as memory:
        from genctl.api.training import train as training
        from genctl.api.training.request import TrainRequest
        from genctl.engine.parallel.process_group import ProcessGroup

        request = TrainRequest(family, **wanted)
        run = training.run_training(request, call.output, call.started, memory)
        if ProcessGroup.from_env().is_main:
            show_finished(call.output, run)
