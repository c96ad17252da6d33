"""``genctl train``: from a family's name to a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genctl import registry
from genctl.cli import completion
from genctl.cli.command import Context
from genctl.cli.family_options import FamilyCommand, FamilyOptions
from genctl.cli.local_launch import local_processes
from genctl.cli.options import Amp, Device, Log, Threads
from genctl.cli.views.next_steps import show_finished
from genctl.errors import ExitStatus, GenctlError
from genctl.registry import Spec

if TYPE_CHECKING:
    from genctl.config import OptionInfo

WORDS = "genctl.words"
"""In ``ctx.meta``: what stood after ``train``."""

HAVE_FLAGS = {"data.source", "train.budget", "train.amp", "seed"}
"""Keys that ``train`` has flags for, whatever the family."""


class TrainCommand(FamilyCommand):
    """``train FAMILY`` takes every key of the family's configuration as a long option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[WORDS] = list(args)
        return super().parse_args(ctx, args)

    def family_options(self, args: Sequence[str], *, strict: bool) -> FamilyOptions:
        spec = _spec(args, self.positionals(args), strict=strict)
        if spec is None:
            return FamilyOptions()
        from genctl.config import options

        panels: dict[str, list[OptionInfo]] = {}
        for info in options(spec):
            if info.key not in HAVE_FLAGS:
                section = info.key.partition(".")[0]
                panels.setdefault(f"Options of {spec.name}, {section}", []).append(info)
        presets = {f"Presets of {spec.name} (the first is the default)": _presets(spec)}
        return FamilyOptions(spec.name, panels, presets)


def _spec(args: Sequence[str], words: Sequence[str], *, strict: bool) -> Spec | None:
    """The family among ``words``; behind options that only a family knows, it need not be first."""
    if strict and words and words[0] == args[0]:
        return registry.get(words[0])
    known = {spec.name: spec for spec in registry.specs()} if words else {}
    return next((known[word] for word in words if word in known), None)


def _presets(spec: Spec) -> list[tuple[str, str]]:
    return [
        (name, " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in values.items()))
        for name, values in spec.presets.items()
    ]


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
            help="Built-in name, folder, .npz of images, text file: see genctl models FAMILY.",
            metavar="SOURCE",
            autocompletion=completion.sources,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Named settings to start from.", autocompletion=completion.presets),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="Set any key of the configuration.", metavar="KEY=VALUE"),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML or JSON file of settings.", metavar="FILE")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="When to end: 20steps, 250k (examples), 10Mtokens, 3epochs, 110s, 5m, 2h."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all randomness.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run's folder; left out: the next free one.", metavar="RUN_DIR"),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Start afresh, even where a run could go on.")
    ] = False,
    eval_every: Annotated[
        str | None,
        typer.Option(
            help="Score the averages this often, to find the best: 10%, or in the budget's unit."
        ),
    ] = None,
    download: Annotated[
        bool,
        typer.Option("--download", help="Fetch a well-known data set that is not here: data ls."),
    ] = False,
    amp: Amp = None,
    log: Log = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take, after a short probe.")
    ] = False,
    nproc: Annotated[
        int | None,
        typer.Option(help="Train with so many processes of this machine, one a GPU.", min=1),
    ] = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Train a family.

    An unfinished run of the same settings and data goes on where it stopped; --new starts afresh.

    Every key of the family's configuration is an option too: genctl train FAMILY --help
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
        "amp": amp,
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
    words = ["train", *ctx.meta[WORDS]]
    with local_processes(nproc, words, threads=threads, device=device):
        from genctl.api.training import train as training
        from genctl.api.training.request import TrainRequest
        from genctl.engine.parallel.process_group import ProcessGroup

        request = TrainRequest(family, **wanted)
        run = training.run_training(request, call.output, call.started)
        if ProcessGroup.from_env().is_main:
            show_finished(call.output, run)
